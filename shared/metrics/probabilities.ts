/** @file What a classifier says of each item before it decides, as a table. */
import { TesseraError } from '../errors.ts'
import type { ClassIndices } from './confusion.ts'

/** Items and what was said of them. */
export interface Probabilities {
  /** True class of each item, in [0, classes). */
  readonly truth: ClassIndices
  /** [items, classes], row by row. Any scores that grow with the probability do for ranks; calibration wants probabilities. */
  readonly values: Float32Array | Float64Array | readonly number[]
  readonly classes: number
}

/** @throws {TesseraError} ERR_INTERNAL when the table has not a row for each item, or a label no column. */
export function assertTable({ truth, values, classes }: Probabilities): void {
  if (values.length !== truth.length * classes) {
    const want = truth.length * classes
    throw new TesseraError(
      'ERR_INTERNAL',
      `internal: probabilities must have ${want} values, got ${values.length}`,
    )
  }
  const stranger = truth.find((label) => !(label >= 0 && label < classes))
  if (stranger === undefined) return
  throw new TesseraError('ERR_INTERNAL', `internal: class index must be in [0, ${classes}), got ${stranger}`)
}
