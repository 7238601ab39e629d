/** @file A site's agent whose coordinator is the test's. */
import { type Clock, systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import { type AgentEvent, type AgentOutcome, runAgent } from '@tessera/site-agent'
import { onTestFinished } from 'vitest'
import {
  additiveTrainer,
  type EnrolledSite,
  enrolledSite,
  type TrainingLog,
} from '../../support/enrolled-site.ts'
import { type MiniCoordinator, miniCoordinator } from '../../support/mini-coordinator.ts'

export interface AttackedAgent {
  readonly mini: MiniCoordinator
  readonly site: EnrolledSite
  readonly outcome: Promise<AgentOutcome>
  /** Rounds that it has trained. */
  readonly training: TrainingLog
  readonly events: AgentEvent[]
  /** Lines of its log. */
  readonly log: { event: string; code?: string; reason?: string }[]
  /** The same as it was written. */
  readonly lines: string[]
  /** Resolves at the next join from now on. */
  nextJoin(): Promise<void>
}

/** The machine's clock, but a wait before the next dial is over at once. */
const HASTY: Clock = {
  ...systemClock,
  schedule: (task, delayMs) => systemClock.schedule(task, delayMs < LONGEST_BACKOFF_MS ? 0 : delayMs),
}
/** Time-outs are as long or longer. */
const LONGEST_BACKOFF_MS = 10_000

export interface AttackOptions {
  /** `hasty`: without waits between two connections. */
  readonly clock?: 'hasty'
  /** Its coordinator, when the test has one already. */
  readonly mini?: MiniCoordinator
  /** Whose coordinator and site it takes, when that one has ended. */
  readonly after?: AttackedAgent
}

/** Starts both; they end with the test. */
export async function attackedAgent({
  clock: pace,
  mini: given,
  after,
}: AttackOptions = {}): Promise<AttackedAgent> {
  const mini = after?.mini ?? given ?? (await miniCoordinator())
  const clock = pace === 'hasty' ? HASTY : systemClock
  const site = after?.site ?? (await enrolledSite(mini.url, mini.keys))
  const training: TrainingLog = { rounds: [] }
  const events: AgentEvent[] = []
  const log: AttackedAgent['log'] = []
  const lines: string[] = []
  const waiting = new Set<() => void>()
  const stop = new AbortController()
  const outcome = runAgent({
    dir: site.dir,
    dataDir: site.dataDir,
    study: 'tiny',
    signal: stop.signal,
    log: createLog((line) => {
      lines.push(line)
      const said = JSON.parse(line) as AttackedAgent['log'][number]
      log.push(said)
      if (said.event !== 'coordinator.joined') return
      for (const resolve of waiting) resolve()
      waiting.clear()
    }, systemClock),
    clock,
    onProgress: (event) => events.push(event),
    createTrainer: additiveTrainer(training),
  })
  outcome.catch(() => undefined)
  onTestFinished(async () => {
    stop.abort()
    await outcome.catch(() => undefined)
  })
  const nextJoin = (): Promise<void> => new Promise((resolve) => waiting.add(resolve))
  return { mini, site, outcome, training, events, log, lines, nextJoin }
}
