/** @file What a site's own stain has to do with its tiles: normalised to the reference, or varied along its own colours. */
import { fitStain, type Stain } from './macenko/fit.ts'
import { REFERENCE_STAIN, stainNormalisation } from './macenko/normalise.ts'
import { type Measures, SAMPLED_PIXELS, sampleOf } from './measures/measure.ts'
import type { ColourChange, StainColours } from './stain.ts'

/** In a form that threads can exchange. */
export interface StainPlan {
  /** To the reference; null: the tiles stay as they are. */
  readonly change: ColourChange | null
  /** Haematoxylin, eosin and what is neither, as the tiles have them once changed: along these `flips-and-site-stain` varies them. */
  readonly colours: StainColours
}

/** Pixels that a fit looks at: 3,906 tiles' samples. Percentiles at 1 % of a million move in the fourth digit from draw to draw. */
const MAX_PIXELS = 1_000_000

/**
 * Fits the stain to the sampled pixels of some tiles, evenly chosen when they are many.
 *
 * @param tiles Their places in `measures`.
 * @throws {TesseraError} ERR_DATA_STAIN
 */
export function fitStainOf(measures: Measures, tiles: readonly number[]): Stain {
  const step = Math.max(1, Math.ceil((tiles.length * SAMPLED_PIXELS) / MAX_PIXELS))
  const chosen = tiles.filter((_, i) => i % step === 0)
  const pixels = new Uint8Array(chosen.length * SAMPLED_PIXELS * 3)
  for (const [i, tile] of chosen.entries()) pixels.set(sampleOf(measures, tile), i * SAMPLED_PIXELS * 3)
  return fitStain(pixels)
}

/** Builds the plan of a site whose stain is known. */
export function stainPlan(site: Stain, isNormalised: boolean): StainPlan {
  return {
    change: isNormalised ? stainNormalisation(site) : null,
    colours: coloursOf(isNormalised ? REFERENCE_STAIN : site),
  }
}

/** Both stains and the direction that neither takes part in. */
function coloursOf({ haematoxylin: h, eosin: e }: Stain): StainColours {
  const across = [h[1] * e[2] - h[2] * e[1], h[2] * e[0] - h[0] * e[2], h[0] * e[1] - h[1] * e[0]] as const
  const length = Math.hypot(...across)
  return [h, e, [across[0] / length, across[1] / length, across[2] / length]]
}
