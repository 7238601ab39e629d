/** @file The running means and variances of all norms, moved towards a batch's in one go: 60 to 200 small tensors, six ops. */
import * as tf from '@tensorflow/tfjs-core'

/** One statistic of one norm in one pass. */
export interface SeenStatistic {
  readonly name: string
  /** [C], before the pass. */
  readonly running: tf.Tensor1D
  /** [C], of the batch. */
  readonly batch: tf.Tensor1D
  /** What to multiply the batch's by: n / (n − 1) for a biased variance over n values. */
  readonly factor: number
}

/** (1 − m) · running + m · factor · batch of each, by name. @param momentum m, of all norms. */
export function movedStatistics(
  seen: readonly SeenStatistic[],
  momentum: number,
): Record<string, tf.Tensor1D> {
  if (seen.length === 0) return {}
  const sizes = seen.map(({ running }) => running.size)
  const factors = new Float32Array(sizes.reduce((sum, size) => sum + size, 0))
  let start = 0
  for (const [i, { factor }] of seen.entries()) {
    const end = start + (sizes[i] ?? 0)
    factors.fill(momentum * factor, start, end)
    start = end
  }
  const kept = tf.mul(tf.concat(seen.map(({ running }) => running)), 1 - momentum)
  const added = tf.mul(tf.concat(seen.map(({ batch }) => batch)), tf.tensor1d(factors))
  const moved = tf.split<tf.Tensor1D>(tf.add(kept, added), sizes)
  return Object.fromEntries(moved.map((tensor, i) => [seen[i]?.name ?? '', tensor]))
}
