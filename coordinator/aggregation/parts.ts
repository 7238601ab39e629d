/** @file Each update's part in a round's result: the guards' decisions, from the accepted updates' numbers alone. */
import { TesseraError } from '@tessera/shared/errors'
import type { Study } from '@tessera/shared/protocol'
import type { Part, SiteUpdate } from './aggregator.ts'
import { clipFactors } from './norm-guard.ts'
import { cappedWeights } from './share-cap.ts'

/**
 * Gives weight and scale of each update, in the order of site ids: whoever delivered first, the sums are the same to the bit.
 * @param earlier Norms of the contributors of each earlier round, oldest first.
 * @throws {TesseraError} ERR_ROUND_EMPTY if there is no update.
 */
export function partsOf<U extends SiteUpdate>(
  { federation }: Study,
  updates: readonly U[],
  earlier: readonly (readonly number[])[],
): (U & Part)[] {
  if (updates.length === 0)
    throw new TesseraError('ERR_ROUND_EMPTY', 'round must have at least 1 update, got 0')
  const { maxShare, guards } = federation
  const rounds = guards.adaptiveNorm === 'off' ? 0 : guards.adaptiveNorm.rounds
  const weights = cappedWeights(
    new Map(updates.map(({ site, samples, claim }) => [site, claim ?? samples])),
    maxShare,
  )
  const scales = clipFactors(
    new Map(updates.map(({ site, norm }) => [site, norm])),
    rounds === 0 ? [] : earlier.slice(-rounds).flat(),
    guards.adaptiveNorm,
  )
  return updates
    .map((update) => ({
      ...update,
      weight: weights.get(update.site) ?? 0,
      scale: scales.get(update.site) ?? 1,
    }))
    .toSorted((a, b) => (a.site < b.site ? -1 : 1))
}
