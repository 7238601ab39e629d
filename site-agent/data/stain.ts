/**
 * @file Stain jitter: haematoxylin, eosin and residual amounts of a tile, each scaled and shifted at random.
 *
 *   OD = −log₁₀(I / 255)        optical density of a pixel, a row of 3
 *   s  = OD · M⁻¹               amounts of haematoxylin, eosin and DAB (the residual)
 *   s′ = α ∘ s + β              α ~ U(1 − σ, 1 + σ), β ~ U(−σ, σ), drawn once a tile
 *   I′ = 255 · 10^(−s′ · M)
 *
 * Both changes of basis are linear, so a tile needs one 3 × 3 matrix and one shift in OD space.
 * Sources: M: Ruifrok and Johnston, Anal. Quant. Cytol. Histol. 23(4), 2001, table 1. Jitter and σ = 0.05: Tellez et al., IEEE Trans.
 * Med. Imaging 37(9), 2018, https://arxiv.org/abs/1808.05896.
 */
import type { Random } from '@tessera/shared/random'

/** σ of Tellez et al. */
export const STAIN_SIGMA = 0.05

/** Optical density of each pure stain in red, green and blue: rows haematoxylin, eosin, DAB. */
export const STAIN_MATRIX: StainColours = [
  [0.65, 0.7, 0.29],
  [0.07, 0.99, 0.11],
  [0.27, 0.57, 0.78],
]

/** Optical density of three pure stains in red, green and blue, a row each. */
export type StainColours = readonly (readonly [number, number, number])[]

/** Scale and shift of one stain. */
export interface StainChange {
  readonly alpha: number
  readonly beta: number
}

/** OD′ = OD · matrix + shift, in natural logarithms; the matrix row by row. */
export interface ColourChange {
  readonly matrix: Float64Array
  readonly shift: Float64Array
}

/** Draws the change of one tile. */
export function drawStainJitter(
  random: Random,
  colours: StainColours = STAIN_MATRIX,
  sigma: number = STAIN_SIGMA,
): ColourChange {
  const drawn = colours.map(() => ({
    alpha: random.uniform(1 - sigma, 1 + sigma),
    beta: random.uniform(-sigma, sigma),
  }))
  return stainChange(drawn, colours)
}

/** Builds the colour change that scales and shifts each stain (haematoxylin, eosin, residual). */
export function stainChange(
  stains: readonly StainChange[],
  colours: StainColours = STAIN_MATRIX,
): ColourChange {
  const inverse = invert(colours)
  const matrix = new Float64Array(9)
  const shift = new Float64Array(3)
  for (const [s, { alpha, beta }] of stains.entries()) {
    for (let to = 0; to < 3; to++) {
      const stain = colours[s]?.[to] ?? 0
      for (let from = 0; from < 3; from++) {
        const i = from * 3 + to
        matrix[i] = (matrix[i] ?? 0) + (inverse[from * 3 + s] ?? 0) * alpha * stain
      }
      // β is in decimal densities, the matrix works in natural ones: one exp a channel instead of a power of ten.
      shift[to] = (shift[to] ?? 0) + beta * stain * Math.LN10
    }
  }
  return { matrix, shift }
}

/** Inverse of a 3 × 3 matrix by its adjugate, row by row. */
function invert(m: StainColours): Float64Array {
  const [a, b, c] = m[0] ?? [0, 0, 0]
  const [d, e, f] = m[1] ?? [0, 0, 0]
  const [g, h, i] = m[2] ?? [0, 0, 0]
  const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
  return Float64Array.of(
    (e * i - f * h) / determinant,
    (c * h - b * i) / determinant,
    (b * f - c * e) / determinant,
    (f * g - d * i) / determinant,
    (a * i - c * g) / determinant,
    (c * d - a * f) / determinant,
    (d * h - e * g) / determinant,
    (b * g - a * h) / determinant,
    (a * e - b * d) / determinant,
  )
}
