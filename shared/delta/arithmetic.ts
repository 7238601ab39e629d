/** @file The loops over whole weights, at a site. Those over the deltas of many sites are kernels, in shared/reduction. */
import { TensorShapeError } from '../errors.ts'

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
