/** @file A site's agent whose coordinator is the test's. */
import { systemClock } from '@tessera/shared/clock'
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
}

/** Starts both; they end with the test. `prepare` is told of the coordinator before the agent dials it. */
export async function attackedAgent(
  prepare: (mini: MiniCoordinator) => void = () => undefined,
): Promise<AttackedAgent> {
  const mini = await miniCoordinator()
  prepare(mini)
  const site = await enrolledSite(mini.url, mini.keys)
  const training: TrainingLog = { rounds: [] }
  const events: AgentEvent[] = []
  const log: AttackedAgent['log'] = []
  const stop = new AbortController()
  const outcome = runAgent({
    dir: site.dir,
    dataDir: site.dataDir,
    study: 'tiny',
    signal: stop.signal,
    log: createLog((line) => log.push(JSON.parse(line)), systemClock),
    clock: systemClock,
    onProgress: (event) => events.push(event),
    createTrainer: additiveTrainer(training),
  })
  outcome.catch(() => undefined)
  onTestFinished(async () => {
    stop.abort()
    await outcome.catch(() => undefined)
  })
  return { mini, site, outcome, training, events, log }
}
