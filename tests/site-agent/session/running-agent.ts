/** @file A site's agent that runs under a test, against a coordinator that does what the test says, and what it leaves behind. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { readUnverified } from '@tessera/shared/security'
import { type AgentEvent, type AgentOutcome, runAgent } from '@tessera/site-agent'
import { expect, onTestFinished } from 'vitest'
import type { Policy } from '../../../site-agent/policy/index.ts'
import {
  additiveTrainer,
  type EnrolledSite,
  enrolledSite,
  type TrainingLog,
} from '../../support/enrolled-site.ts'
import { type MiniCoordinator, miniCoordinator } from '../../support/mini-coordinator.ts'
import { writePolicy } from '../../support/site-policy.ts'

export interface Run {
  readonly outcome: Promise<AgentOutcome>
  readonly events: AgentEvent[]
  readonly log: { event: string; code?: string }[]
  stop(): void
}

/** Runs the agent of a site; it is stopped when the test ends. */
export function run(site: EnrolledSite, training: TrainingLog = { rounds: [] }, more = {}): Run {
  const stop = new AbortController()
  const events: AgentEvent[] = []
  const log: { event: string; code?: string }[] = []
  const outcome = runAgent({
    dir: site.dir,
    dataDir: site.dataDir,
    study: 'tiny',
    signal: stop.signal,
    log: createLog((line) => log.push(JSON.parse(line)), systemClock),
    clock: systemClock,
    onProgress: (event) => events.push(event),
    createTrainer: additiveTrainer(training),
    ...more,
  })
  outcome.catch(() => undefined)
  onTestFinished(async () => {
    stop.abort()
    await outcome.catch(() => undefined)
  })
  return { outcome, events, log, stop: () => stop.abort() }
}

export async function setup(): Promise<{
  mini: MiniCoordinator
  site: EnrolledSite
  training: { rounds: number[] } & TrainingLog
}> {
  const mini = await miniCoordinator()
  return { mini, site: await enrolledSite(mini.url, mini.keys), training: { rounds: [] } }
}

export const committed = (mini: MiniCoordinator, count = 1) => mini.heard('upload:commit', count)
export const receipts = (site: EnrolledSite) => readdir(join(site.dir, 'receipts', 'tiny'))
export const states = async (site: EnrolledSite) =>
  (await readdir(join(site.dir, 'state', 'tiny'))).filter((name) => name.endsWith('.state'))
export const delivered = (agent: Run, count: number) =>
  expect.poll(() => agent.events.filter(({ kind }) => kind === 'delivered').length).toBe(count)

/** Gives the site another policy; its hash. */
export const policyOf = (site: EnrolledSite, mini: MiniCoordinator, rules: Partial<Policy>) =>
  writePolicy(site.dir, { site: 'north', keys: site.keys, coordinator: mini.keys.publicKey }, rules)
export const record = (site: EnrolledSite, round: number) =>
  readFile(join(site.dir, 'state', 'tiny', 'ledger', `round-${round}.jws`), 'utf8')
export const joins = (mini: MiniCoordinator) =>
  mini.said.flatMap(({ event, request }) =>
    event === 'session:join' ? [readUnverified('joinToken', (request as { token: string }).token)] : [],
  )

export const aborted = (signal: AbortSignal | undefined) =>
  new Promise<void>((resolve) => {
    // On a busy machine the deadline may have passed before the training began.
    if (signal?.aborted) resolve()
    signal?.addEventListener('abort', () => resolve())
  })
