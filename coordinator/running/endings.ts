/** @file Why a study is over, or stopped, in words. */
import { TesseraError } from '@tessera/shared/errors'
import type { RoundsState } from '../rounds/index.ts'

/** Gives the reason; null when it has come to a good end or the operator's. */
export function endOf({
  study,
  phase,
  round,
  policy: { quorum, minSamples },
}: RoundsState): TesseraError | null {
  if (phase === 'halted') return behind(study, round)
  if (phase !== 'stopped') return null
  return new TesseraError(
    'ERR_ROUND_EMPTY',
    `round ${round} of study ${study} must reach its quorum of ${quorum} and its ${minSamples} samples, got fewer in every attempt`,
  )
}

/** A site has a record of `round` that the log does not have. */
export function behind(study: string, round: number): TesseraError {
  return new TesseraError(
    'ERR_LEDGER_BEHIND',
    `coordinator must know what it has published of study ${study}, got a record of round ${round} that it does not have`,
  )
}
