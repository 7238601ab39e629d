/** @file Curves of many points, thinned to what a screen can show. */

/** One curve; null: no value at that place. */
export type Values = readonly (number | null)[]

/**
 * Gives the indices to draw, ascending: the first, the last, and of each stretch of equal length between them the least and the greatest
 * value of every curve, so that no peak is lost.
 * @param most About how many points the result may have for one curve; all are kept when there are no more.
 */
export function decimate(curves: readonly Values[], length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i)
  const kept = new Set([0, length - 1])
  const stretches = Math.max(1, Math.floor(most / 2))
  for (let s = 0; s < stretches; s++) {
    const from = Math.floor((s * length) / stretches)
    const to = Math.floor(((s + 1) * length) / stretches)
    for (const values of curves) {
      for (const i of extremes(values, from, to)) kept.add(i)
    }
  }
  return [...kept].toSorted((a, b) => a - b)
}

function extremes(values: Values, from: number, to: number): number[] {
  let [low, high] = [-1, -1]
  for (let i = from; i < to; i++) {
    const value = values[i]
    if (value === null || value === undefined) continue
    if (low === -1 || value < (values[low] ?? 0)) low = i
    if (high === -1 || value > (values[high] ?? 0)) high = i
  }
  return low === -1 ? [] : [low, high]
}
