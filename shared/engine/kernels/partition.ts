/**
 * @file How a kernel's work is cut into tasks: by its shapes alone, so that the bits do not depend on the number of threads.
 *
 * A task should take about 20 µs or more, several times what it takes to wake a thread; what is smaller is one task.
 */

/** Elements of a task that computes an exponential for each. */
export const EXPONENTIALS = 16_384
/** Elements of a task that adds and multiplies. */
export const SUMS = 65_536
/** Products of a task of a matrix product. */
export const PRODUCTS = 524_288

/** Whole units of `size` elements that make up a task of about `elements`, 1 at least. */
export function unitsOf(elements: number, size: number): number {
  return Math.max(1, Math.floor(elements / Math.max(1, size)))
}

/** Tasks of `size` units that make up `all`. */
export function tasksOf(all: number, size: number): number {
  return Math.ceil(all / size)
}

/** The next multiple of `step`, `step` at least. */
export function multipleOf(step: number, value: number): number {
  return Math.max(step, Math.ceil(value / step) * step)
}
