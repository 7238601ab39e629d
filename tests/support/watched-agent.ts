/** @file A site's real agent of a small federation, with a trainer that costs nothing and waits where the test wants it, and all that it tells. */
import { systemClock } from '@tessera/shared/clock'
import { createLog } from '@tessera/shared/log'
import type { StudyInput } from '@tessera/shared/protocol'
import type { AgentEvent, AgentOptions, AgentOutcome } from '@tessera/site-agent'
import { expect, onTestFinished } from 'vitest'
import { additiveTrainer, type TrainingLog } from './enrolled-site.ts'
import { type SiteName, SMALL_STUDY, type SmallFederation } from './federation.ts'

const { teacher: _, ...WITHOUT_TEACHER } = SMALL_STUDY
/** Three rounds of the small study for such trainers: no teacher to fetch. */
export const UNTAUGHT_STUDY: StudyInput = {
  ...WITHOUT_TEACHER,
  method: { name: 'ce' },
  training: { ...SMALL_STUDY.training, rounds: 3 },
}

export interface WatchedAgent {
  readonly outcome: Promise<AgentOutcome>
  readonly events: AgentEvent[]
  /** Lines of its log. */
  readonly log: { event: string; code?: string; reason?: string; round?: number }[]
  /** Rounds that it has begun to train. */
  readonly rounds: number[]
  /** As Ctrl-C does. */
  readonly stop: () => void
  /** Resolves when it trains the round. Progress may leave a step out; this does not. */
  readonly trains: (round: number) => Promise<void>
  /** Resolves when it has told so of the round. */
  readonly told: (kind: 'delivered' | 'published', round: number) => Promise<void>
}

/** Starts one; it is stopped when the test ends. @param during Waited for in the middle of each round's training. */
export function watchedAgent(
  federation: SmallFederation,
  site: SiteName,
  url: string,
  during?: TrainingLog['during'],
  more: Partial<AgentOptions> = {},
): WatchedAgent {
  const events: AgentEvent[] = []
  const log: WatchedAgent['log'] = []
  const rounds: number[] = []
  const stop = new AbortController()
  const outcome = federation.agent(site, url, {
    createTrainer: additiveTrainer({ rounds, ...(during && { during }) }),
    onProgress: (event) => events.push(event),
    log: createLog((line) => log.push(JSON.parse(line)), systemClock),
    signal: stop.signal,
    ...more,
  })
  // Looked at by the test later than it may fail.
  outcome.catch(() => undefined)
  onTestFinished(async () => {
    stop.abort()
    await outcome.catch(() => undefined)
  })
  return {
    outcome,
    events,
    log,
    rounds,
    stop: () => stop.abort(),
    trains: (round) => expect.poll(() => rounds.includes(round)).toBe(true),
    told: (kind, round) =>
      expect
        .poll(() => events.some((event) => event.kind === kind && 'round' in event && event.round === round))
        .toBe(true),
  }
}
