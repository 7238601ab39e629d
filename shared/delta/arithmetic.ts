/** @file The loops over whole weights, at a site. Those over the deltas of many sites are kernels, in shared/reduction. */
import { TensorShapeError } from '../errors.ts'

/** `a − b`, rounded to float32. @param out Where it is written; gives it back. */
export function subtract(
  a: Float32Array,
  b: Float32Array,
  out: Float32Array = new Float32Array(a.length),
): Float32Array {
  assertLength('b', a.length, b.length)
  assertLength('out', a.length, out.length)
  for (let i = 0; i < out.length; i++) out[i] = (a[i] as number) - (b[i] as number)
  return out
}

/** `a + b`, rounded to float32. */
export function add(a: Float32Array, b: Float32Array): Float32Array {
  const out = a.slice()
  addTo(out, b)
  return out
}

/** `a ← a + b`, rounded to float32. */
export function addTo(a: Float32Array, b: Float32Array): void {
  assertLength('b', a.length, b.length)
  for (let i = 0; i < a.length; i++) a[i] = (a[i] as number) + (b[i] as number)
}

/**
 * Sum of squares. Not finite exactly if an element is not: the largest square of a float32 is 1.2e77. Four sums, so that an addition need not wait
 * for the one before.
 */
export function sumOfSquares(values: Float32Array): number {
  const whole = values.length - (values.length % 4)
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < whole; i += 4) {
    a += (values[i] as number) ** 2
    b += (values[i + 1] as number) ** 2
    c += (values[i + 2] as number) ** 2
    d += (values[i + 3] as number) ** 2
  }
  for (let i = whole; i < values.length; i++) a += (values[i] as number) ** 2
  return a + b + c + d
}

/** True when no element is NaN or infinite: x - x is 0 for all others. Four sums here too. */
export function allFinite(values: Float32Array): boolean {
  const whole = values.length - (values.length % 4)
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < whole; i += 4) {
    const p = values[i] as number
    const q = values[i + 1] as number
    const r = values[i + 2] as number
    const s = values[i + 3] as number
    a += p - p
    b += q - q
    c += r - r
    d += s - s
  }
  for (let i = whole; i < values.length; i++) a += (values[i] as number) - (values[i] as number)
  return a + b + c + d === 0
}

function assertLength(role: string, want: number, got: number): void {
  if (want !== got) throw new TensorShapeError(role, [want], [got])
}
