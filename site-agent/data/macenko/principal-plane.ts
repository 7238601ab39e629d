/** @file The two directions in which points in three dimensions vary most. */

/** Red, green, blue. */
export type Vector = readonly [number, number, number]

/** Of a symmetric 3 × 3 matrix, three sweeps bring what is beside the diagonal below rounding; the rest is margin. */
const SWEEPS = 20

/**
 * Unit eigenvectors of the covariance of `[n, 3]` points for the largest and the second largest eigenvalue (cyclic Jacobi rotations; Golub and
 * Van Loan, Matrix Computations, 8.5). The first points to where the coordinates' sum grows.
 */
export function principalPlane(points: Float64Array): [Vector, Vector] {
  const a = covariance(points)
  const v = [1, 0, 0, 0, 1, 0, 0, 0, 1]
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    rotate(a, v, 0, 1)
    rotate(a, v, 0, 2)
    rotate(a, v, 1, 2)
  }
  const order = [0, 1, 2].toSorted((i, j) => (a[j * 4] as number) - (a[i * 4] as number))
  const [first, second] = order.map((k): Vector => [v[k] as number, v[3 + k] as number, v[6 + k] as number])
  const [x, y, z] = first as Vector
  return [x + y + z < 0 ? [-x, -y, -z] : (first as Vector), second as Vector]
}

function covariance(points: Float64Array): number[] {
  const count = points.length / 3
  const mean = [0, 0, 0]
  for (let i = 0; i < points.length; i++)
    mean[i % 3] = (mean[i % 3] as number) + (points[i] as number) / count
  const sums = Array.from({ length: 9 }, () => 0)
  for (let at = 0; at < points.length; at += 3) {
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < 3; c++) {
        const product =
          ((points[at + r] as number) - (mean[r] as number)) *
          ((points[at + c] as number) - (mean[c] as number))
        sums[r * 3 + c] = (sums[r * 3 + c] as number) + product / (count - 1)
      }
    }
  }
  return sums
}

/** Turns rows and columns p and q so that a_pq becomes 0; v collects the turns. */
function rotate(a: number[], v: number[], p: number, q: number): void {
  const apq = a[p * 3 + q] as number
  if (apq === 0) return
  const theta = ((a[q * 4] as number) - (a[p * 4] as number)) / (2 * apq)
  const t = Math.sign(theta || 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  for (const m of [a, v])
    turn(
      m,
      (k) => k * 3 + p,
      (k) => k * 3 + q,
      c,
      s,
    )
  turn(
    a,
    (k) => p * 3 + k,
    (k) => q * 3 + k,
    c,
    s,
  )
}

function turn(m: number[], p: (k: number) => number, q: (k: number) => number, c: number, s: number): void {
  for (let k = 0; k < 3; k++) {
    const [x, y] = [m[p(k)] as number, m[q(k)] as number]
    m[p(k)] = c * x - s * y
    m[q(k)] = s * x + c * y
  }
}
