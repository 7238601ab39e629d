/**
 * @file Percentile intervals by the bootstrap: items are drawn with replacement, the metric is computed again, and the interval holds the
 * middle `level` of the values.
 *
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
 */
import { TesseraError } from '../errors.ts'
import { createRandom } from '../random.ts'
import { type ClassIndices, type ConfusionMatrix, confusionMatrix } from './confusion.ts'
import { quantile } from './quantile.ts'

export interface BootstrapOptions {
  /** Text that the draws hang on: the same seed gives the same interval. */
  readonly seed: string
  /** Draws. 1000 gives the ends of a 95 % interval about 25 values beyond each. */
  readonly resamples: number
  /** Share of the values inside the interval, in (0, 1). */
  readonly level: number
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
  {
    classes,
    ...options
  }: BootstrapOptions & {
    /** Without it, the largest index + 1. */
    readonly classes?: number
  },
): Interval {
  const width = classes ?? 1 + Math.max(0, ...truth, ...predicted)
  confusionMatrix(truth, predicted, width) // lengths and ranges
  // One matrix a unit: drawing a unit adds its matrix, whatever the number of items in it.
  const units = unitsOf(truth.length, options.groups).map((items) =>
    items.map((i): Cell => [truth[i] ?? 0, predicted[i] ?? 0]),
  )
  return intervalOf(units, options, (drawn) => {
    const matrix = confusionMatrix([], [], width)
    for (const unit of drawn) {
      for (const [i, j] of unit) {
        const row = matrix[i]
        if (row !== undefined) row[j] = (row[j] ?? 0) + 1
      }
    }
    return metric(matrix)
  })
}

/** The same for a metric of the items themselves, such as one of their probabilities: `metric` gets the indices of the drawn ones. */
export function bootstrapItems(
  count: number,
  metric: (items: readonly number[]) => number,
  options: BootstrapOptions,
): Interval {
  return intervalOf(unitsOf(count, options.groups), options, (drawn) => metric(drawn.flat()))
}

function intervalOf<U>(
  units: readonly U[],
  { seed, resamples, level }: BootstrapOptions,
  metric: (drawn: readonly U[]) => number,
): Interval {
  if (units.length === 0) return { low: Number.NaN, high: Number.NaN }
  const random = createRandom(seed)
  const values: number[] = []
  for (let draw = 0; draw < resamples; draw++) {
    const value = metric(units.map(() => units[random.integer(units.length)] as U))
    if (!Number.isNaN(value)) values.push(value)
  }
  values.sort((a, b) => a - b)
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) }
}

type Cell = readonly [truth: number, predicted: number]

/** Indices of the items that are drawn together. */
function unitsOf(count: number, groups: readonly string[] | undefined): number[][] {
  if (groups !== undefined && groups.length !== count) {
    throw new TesseraError('ERR_INTERNAL', `internal: groups must have ${count} items, got ${groups.length}`)
  }
  const units = new Map<string | number, number[]>()
  for (let i = 0; i < count; i++) {
    const unit = groups?.[i] ?? i
    const items = units.get(unit)
    if (items === undefined) units.set(unit, [i])
    else items.push(i)
  }
  return [...units.values()]
}
