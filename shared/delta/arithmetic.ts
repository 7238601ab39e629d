/**
 * @file The loops over whole weights. Those over the deltas of many sites are kernels, in shared/reduction. Four elements a turn: a rounding to float32
 * waits for the one before it in the same register, and V8 uses one a turn; 30 ms become 10 for the 5.3 million of an EfficientNet-B0.
 */
import { TensorShapeError } from '../errors.ts'

/** `a − b`, rounded to float32. @param out Where it is written; gives it back. */
export function subtract(
  a: Float32Array,
  b: Float32Array,
  out: Float32Array = new Float32Array(a.length),
): Float32Array {
  assertLength('b', a.length, b.length)
  assertLength('out', a.length, out.length)
  const whole = out.length - (out.length % 4)
  for (let i = 0; i < whole; i += 4) {
    out[i] = (a[i] as number) - (b[i] as number)
    out[i + 1] = (a[i + 1] as number) - (b[i + 1] as number)
    out[i + 2] = (a[i + 2] as number) - (b[i + 2] as number)
    out[i + 3] = (a[i + 3] as number) - (b[i + 3] as number)
  }
  for (let i = whole; i < out.length; i++) out[i] = (a[i] as number) - (b[i] as number)
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
  const whole = a.length - (a.length % 4)
  for (let i = 0; i < whole; i += 4) {
    a[i] = (a[i] as number) + (b[i] as number)
    a[i + 1] = (a[i + 1] as number) + (b[i + 1] as number)
    a[i + 2] = (a[i + 2] as number) + (b[i + 2] as number)
    a[i + 3] = (a[i + 3] as number) + (b[i + 3] as number)
  }
  for (let i = whole; i < a.length; i++) a[i] = (a[i] as number) + (b[i] as number)
}

/**
 * Sum of squares, in four sums. Not finite exactly if an element is not: the largest square of a float32 is 1.2e77.
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

/** True when no element is NaN or infinite: x - x is 0 for all others. */
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
