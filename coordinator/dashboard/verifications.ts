/** @file Ledgers that are being verified on request, and what came out: shown in each study's row. */
import type { Clock } from '@tessera/shared/clock'
import type { Verification } from '@tessera/shared/dashboard/coordinator-view'
import { asTesseraError } from '@tessera/shared/errors'
import type { Jobs } from './heavy/run-job.ts'

export interface Verifications {
  /** Begins one; of a study that is being verified there is no second. */
  begin(study: string): void
  of(study: string): Verification | null
}

/** @param changed Told when a row reads otherwise. */
export function createVerifications(
  dir: string,
  jobs: Jobs,
  clock: Clock,
  changed: () => void,
): Verifications {
  const known = new Map<string, Verification>()
  const show = (
    study: string,
    state: Verification['state'],
    sentence: string,
    round = 0,
    rounds = 0,
  ): void => {
    known.set(study, { state, round, rounds, sentence, atMs: clock.now() })
    changed()
  }
  const verify = async (study: string): Promise<void> => {
    try {
      const { rounds, recomputed, removedThrough, head } = await jobs.run(
        'verify',
        { dir, study },
        (done, of) => show(study, 'running', 'Each student is being computed again.', done, of),
      )
      const removed = removedThrough === 0 ? '' : ` The deltas up to round ${removedThrough} were removed.`
      const last = head === '' ? '' : ` Last record: ${head}.`
      show(
        study,
        'holds',
        `${rounds} rounds verified, ${recomputed} computed again to the bit.${removed}${last}`,
        rounds,
        rounds,
      )
    } catch (thrown) {
      const { code, message } = asTesseraError(thrown)
      const { round = 0, rounds = 0 } = known.get(study) ?? {}
      show(study, code === 'ERR_LEDGER_BROKEN' ? 'broken' : 'failed', message, round, rounds)
    }
  }
  return {
    of: (study) => known.get(study) ?? null,
    begin(study) {
      if (known.get(study)?.state === 'running') return
      show(study, 'running', 'Waiting for its turn.')
      void verify(study)
    },
  }
}
