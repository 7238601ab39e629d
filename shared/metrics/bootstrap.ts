/**
 * @file Percentile intervals by the bootstrap: items are drawn with replacement, the metric is computed again, and the interval holds the
 * middle `level` of the values.
 *
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
 */
import { createRandom } from '../random.ts'
import { type ClassIndices, type ConfusionMatrix, confusionMatrix } from './confusion.ts'

export interface BootstrapOptions {
  /** Text that the draws hang on: the same seed gives the same interval. */
  readonly seed: string
  /** Draws. 1000 gives the ends of a 95 % interval about 25 values beyond each. */
  readonly resamples: number
  /** Share of the values inside the interval, in (0, 1). */
  readonly level: number
  /** Number of classes; without it, the largest index + 1. */
  readonly classes?: number
  /** One label an item: whole groups are drawn (patients, slides), since tiles of one group are not independent. */
  readonly groups?: readonly string[]
}

/** Ends of the interval, or NaN twice when there are no items. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** Interval of `metric` over resampled items, or over resampled groups. Draws on which the metric is NaN are left out. */
export function bootstrapInterval(
  truth: ClassIndices,
  predicted: ClassIndices,
  metric: (matrix: ConfusionMatrix) => number,
  { seed, resamples, level, classes, groups }: BootstrapOptions,
): Interval {
  const width = classes ?? 1 + Math.max(0, ...truth, ...predicted)
  // One matrix a unit: drawing a unit adds its matrix, whatever the number of items in it.
  const units = unitCells(truth, predicted, width, groups)
  if (units.length === 0) return { low: Number.NaN, high: Number.NaN }
  const random = createRandom(seed)
  const values: number[] = []
  for (let draw = 0; draw < resamples; draw++) {
    const matrix = confusionMatrix([], [], width)
    for (let k = 0; k < units.length; k++) {
      for (const [i, j] of units[random.integer(units.length)] ?? []) {
        const row = matrix[i]
        if (row !== undefined) row[j] = (row[j] ?? 0) + 1
      }
    }
    const value = metric(matrix)
    if (!Number.isNaN(value)) values.push(value)
  }
  values.sort((a, b) => a - b)
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) }
}

type Cell = readonly [truth: number, predicted: number]

function unitCells(
  truth: ClassIndices,
  predicted: ClassIndices,
  classes: number,
  groups: readonly string[] | undefined,
): Cell[][] {
  confusionMatrix(truth, predicted, classes) // lengths and ranges
  const units = new Map<string | number, Cell[]>()
  for (let i = 0; i < truth.length; i++) {
    const unit = groups?.[i] ?? i
    const cells = units.get(unit) ?? []
    cells.push([truth[i] ?? 0, predicted[i] ?? 0])
    units.set(unit, cells)
  }
  return [...units.values()]
}

/** Linear interpolation between order statistics (Hyndman and Fan's type 7, NumPy's default). */
function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN
  const place = share * (sorted.length - 1)
  const low = sorted[Math.floor(place)] ?? Number.NaN
  const high = sorted[Math.ceil(place)] ?? Number.NaN
  return low + (high - low) * (place - Math.floor(place))
}
