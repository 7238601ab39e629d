/**
 * @file Stain normalisation: a site's haematoxylin and eosin are given the colours and strengths of a reference.
 *
 *   OD′ = W_ref diag(c_ref / c_site) W_site⁺ OD,   I′ = min(255, 240 e^(−OD′)), rounded
 *
 * W⁺ OD: amounts of both stains (fit.ts) · c: their strengths. What is neither stain is dropped. One 3 × 3 matrix a site, so that tiles of a
 * site are told apart by as much as before; what differs between sites goes.
 *
 * Source: Macenko et al., ISBI 2009; reference as in the authors' published MATLAB code. Differs: the stain is fitted to a whole site, not tile by tile
 * (a tile of fat alone has no eosin to be told); the code cuts fractions off.
 */
import type { ColourChange } from '../stain.ts'
import type { TileMemory } from '../wasm/tile-memory.ts'
import { changeColours } from '../write-tile.ts'
import { DENSITIES, LIGHT } from './density.ts'
import { concentrationRows, type Stain } from './fit.ts'

/** The reference of the authors' code, a slide of the University of North Carolina. */
export const REFERENCE_STAIN: Stain = {
  haematoxylin: [0.5626, 0.7201, 0.4062],
  eosin: [0.2159, 0.8012, 0.5581],
  strength: [1.9705, 1.0308],
}

/** Builds the change from a site's stain to the reference. */
export function stainNormalisation(site: Stain, reference: Stain = REFERENCE_STAIN): ColourChange {
  const rows = concentrationRows(site)
  const matrix = new Float64Array(9)
  for (const [stain, colour] of [reference.haematoxylin, reference.eosin].entries()) {
    const scale = (reference.strength[stain] as number) / (site.strength[stain] as number)
    for (let from = 0; from < 3; from++) {
      for (let to = 0; to < 3; to++) {
        const amount = (rows[stain]?.[from] as number) * scale
        matrix[from * 3 + to] = (matrix[from * 3 + to] as number) + amount * (colour[to] as number)
      }
    }
  }
  // The kernel's light is 255: brighter than the 240 of the method by this density.
  const shift = new Float64Array(3).fill(Math.log(255 / LIGHT))
  return { matrix, shift }
}

/** Gives the tile's bytes in the reference's stain. They lie in `memory`, until it is cleared. */
export function normaliseStain(
  memory: TileMemory,
  pixels: Uint8Array,
  sizePx: number,
  change: ColourChange,
): Uint8Array {
  return changeColours(memory, pixels, sizePx, change, DENSITIES)
}
