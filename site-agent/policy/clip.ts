/** @file Scales a delta down to the norm that the site's policy allows. */
import { l2Norm } from '@tessera/shared/delta'
import type { Layout, Weights } from '@tessera/shared/model'

/**
 * Δ · min(1, clip / ‖Δ‖₂) over the trainable tensors, the norm that the coordinator bounds too; statistics and counters stay as they are, for a
 * variance that is scaled is another variance.
 */
export function clipDelta(layout: Layout, delta: Weights, clip: number | null): Weights {
  if (clip === null) return delta
  const norm = l2Norm(layout, delta)
  if (!(norm > clip)) return delta
  const scale = clip / norm
  const trainable = new Set(layout.tensors.filter(({ kind }) => kind === 'trainable').map(({ name }) => name))
  return new Map(
    [...delta].map(([name, values]) => [name, trainable.has(name) ? values.map((x) => x * scale) : values]),
  )
}
