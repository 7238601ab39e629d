/** @file The coordinator's own rule for old deltas: each study keeps those of its latest rounds, and the ledger says which are gone. */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import type { KeyPair } from '@tessera/shared/security'
import type { StoredEvent } from '../events.ts'
import { removeFiles } from './prune.ts'
import { prunedThrough, statePruned } from './pruned.ts'
import { createRetention } from './retention.ts'

export interface Pruner {
  /**
   * Takes in an event that is in the log, and removes what its study does not keep any more. To be waited for before another decision is taken:
   * an update whose bytes are those of a delta that goes must not find it there. What fails is logged, and tried again after the next round.
   */
  note(event: StoredEvent): Promise<void>
}

/** Builds it, and removes what is too old by now. @param options.events The log so far. */
export async function createPruner(options: {
  readonly dir: string
  readonly keepRounds: number
  readonly key: KeyPair
  readonly clock: Clock
  readonly log: Log
  readonly events: readonly StoredEvent[]
}): Promise<Pruner> {
  const { dir, keepRounds, key, clock, log, events } = options
  const retention = createRetention()
  const prune = async (study: string): Promise<void> => {
    const through = Math.max(await prunedThrough(dir, study), retention.published(study) - keepRounds)
    if (through <= 0) return
    await statePruned(dir, { study, through, keepRounds, atMs: clock.now() }, key)
    const count = await removeFiles(dir, retention.release(study, through))
    if (count > 0) log.info('deltas.pruned', { study, round: through, count })
  }
  const tryPrune = (study: string): Promise<void> =>
    prune(study).catch((thrown: unknown) => {
      const { code, message } = asTesseraError(thrown)
      log.error('deltas.kept', { study, code, reason: message })
    })

  for (const event of events) retention.note(event)
  for (const event of events) if (event.type === 'study.created') await tryPrune(event.study.id)
  return {
    async note(event) {
      retention.note(event)
      if (event.type === 'round.published') await tryPrune(event.study)
    },
  }
}
