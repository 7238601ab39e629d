/**
 * @file Optical density as Macenko's method takes it:  OD = −ln((I + 1) / 240).  240: light that has passed through glass alone; + 1: black has no
 * logarithm.
 *
 * Source: Macenko et al., ISBI 2009, "A method for normalizing histology slides for quantitative analysis"; I₀ = 240, + 1 and β = 0.15 as in the
 * authors' published MATLAB code.
 */
export const LIGHT = 240

/** β: what is thinner than this in one channel is no tissue. */
const TRANSPARENT = 0.15

/** OD of each byte. */
export const DENSITIES: Float64Array = Float64Array.from(
  { length: 256 },
  (_, value) => -Math.log((value + 1) / LIGHT),
)

/** Darkest byte that is clear. */
const DARKEST_CLEAR = DENSITIES.findIndex((density) => density < TRANSPARENT)

/** True of a pixel that is left out of a stain's estimate: it is clear in one channel or more. */
export function isClear(red: number, green: number, blue: number): boolean {
  return red >= DARKEST_CLEAR || green >= DARKEST_CLEAR || blue >= DARKEST_CLEAR
}

/** True of a pixel that is clear in every channel: glass. */
export function isBackground(red: number, green: number, blue: number): boolean {
  return red >= DARKEST_CLEAR && green >= DARKEST_CLEAR && blue >= DARKEST_CLEAR
}
