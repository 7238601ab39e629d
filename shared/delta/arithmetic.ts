/** @file The hot loops over weights, all of them. Sums are float64: the order of arrival moves a float32 result by its last bit at most. */
import { TensorShapeError } from '../errors.ts'

/** Adds `scale · values` to `total`, in place. */
export function addScaled(total: Float64Array, values: Float32Array, scale: number): void {
  assertLength('values', total.length, values.length)
  // Indexed access is typed as maybe undefined; the lengths are equal, so it never is.
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + scale * (values[i] as number)
}

/** Raises each element of `total` to that of `values` where that is larger, in place: how counters are combined. */
export function takeLargest(total: Float64Array, values: Float32Array): void {
  assertLength('values', total.length, values.length)
  for (let i = 0; i < total.length; i++) total[i] = Math.max(total[i] as number, values[i] as number)
}

/** `total / divisor`, rounded to float32. */
export function divide(total: Float64Array, divisor: number): Float32Array {
  const out = new Float32Array(total.length)
  for (let i = 0; i < out.length; i++) out[i] = (total[i] as number) / divisor
  return out
}

/** `a − b`, rounded to float32. */
export function subtract(a: Float32Array, b: Float32Array): Float32Array {
  assertLength('b', a.length, b.length)
  const out = new Float32Array(a.length)
  for (let i = 0; i < out.length; i++) out[i] = (a[i] as number) - (b[i] as number)
  return out
}

/** `a + b`, rounded to float32. */
export function add(a: Float32Array, b: Float32Array): Float32Array {
  assertLength('b', a.length, b.length)
  const out = new Float32Array(a.length)
  for (let i = 0; i < out.length; i++) out[i] = (a[i] as number) + (b[i] as number)
  return out
}

/** Sum of squares. No float32 value overflows it: the largest square is 1.2e77. */
export function sumOfSquares(values: Float32Array): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2
  return sum
}

/** True when no element is NaN or infinite. */
export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false
  return true
}

function assertLength(role: string, want: number, got: number): void {
  if (want !== got) throw new TensorShapeError(role, [want], [got])
}
