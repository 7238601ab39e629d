/** @file Student's t distribution. */

/**
 * Probability of a value at least as far from 0 as `t`: I_x(ν/2, 1/2) with x = ν / (ν + t²).
 * @param freedom ν, degrees of freedom, above 0.
 *
 * Source: Abramowitz and Stegun, 26.7.1 and 26.5.2.
 */
export function twoSidedT(t: number, freedom: number): number {
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
}

/** Regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun, 26.5.8) where that converges fast, by its symmetry elsewhere. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (!(x > 0)) return Number.isNaN(x) ? x : 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a)
  const front =
    Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
  return front * continuedFraction(x, a, b)
}

const MOST_TERMS = 500
const CLOSE = 1e-15

/** Modified Lentz's method (Thompson and Barnett, J. Comput. Phys. 64, 1986). */
function continuedFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value)
  let numerator = 1
  let denominator = 1 / away(1 - ((a + b) * x) / (a + 1))
  let value = denominator
  for (let m = 1; m < MOST_TERMS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    let step = 1
    for (const term of [even, odd]) {
      denominator = 1 / away(1 + term * denominator)
      numerator = away(1 + term / numerator)
      step = denominator * numerator
      value *= step
    }
    if (Math.abs(step - 1) < CLOSE) break
  }
  return value
}

/** Coefficients for g = 7, n = 9 (Lanczos, SIAM J. Numer. Anal. 1, 1964; as Godfrey computed them): some 1e-15. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** ln Γ(z) for z ≥ 1/2. */
function logGamma(z: number): number {
  const series = LANCZOS.reduce((sum, c, i) => (i === 0 ? c : sum + c / (z - 1 + i)), 0)
  const t = z - 1 + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(series)
}
