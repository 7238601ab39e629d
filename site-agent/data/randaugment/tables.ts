/**
 * @file RandAugment's point operations as look-up tables: what each byte of each channel becomes.
 *
 * A table has 768 bytes: red's 256, green's, blue's. Tables compose, so several point operations cost one pass over the pixels.
 * Source: Cubuk et al., RandAugment, 2020, https://arxiv.org/abs/1909.13719; the definitions are Pillow's (`ImageOps`, `ImageEnhance`).
 */

/** 3 × 256 bytes: red, green, blue. */
export type Table = Uint8Array
export const TABLE_BYTES = 768
/** 3 × 256 counts: how many pixels have each byte. */
export type Histogram = Uint32Array

/** Builds a table that treats all channels alike. */
function everyChannel(level: (value: number) => number): Table {
  const table = new Uint8Array(TABLE_BYTES)
  for (let value = 0; value < 256; value++) table[value] = level(value)
  table.copyWithin(256, 0, 256)
  return table.copyWithin(512, 0, 256)
}

/** Table of nothing: each byte stays. */
export function identityTable(): Table {
  return everyChannel((value) => value)
}

/** `ImageOps.invert`: 255 − v. */
export function invertTable(): Table {
  return everyChannel((value) => 255 - value)
}

/** `ImageOps.posterize`: the `bits` highest bits stay, 0 to 8. */
export function posterizeTable(bits: number): Table {
  const mask = 256 - 2 ** (8 - bits)
  return everyChannel((value) => value & mask)
}

/** `ImageOps.solarize`: levels from `threshold` on, 0 to 256, are inverted. */
export function solarizeTable(threshold: number): Table {
  return everyChannel((value) => (value < threshold ? value : 255 - value))
}

/** timm's `solarize_add`: levels below 128 get `add` more, at most 255. */
export function solarizeAddTable(add: number): Table {
  return everyChannel((value) => (value < 128 ? Math.min(255, value + add) : value))
}

/** `ImageEnhance.Brightness`: factor · v. */
export function brightnessTable(factor: number): Table {
  return everyChannel((value) => blend(0, value, Math.fround(factor)))
}

/** `ImageEnhance.Contrast`: mean + factor · (v − mean). @param mean Of the tile's grey levels, see wasm/assembly/levels.ts. */
export function contrastTable(mean: number, factor: number): Table {
  return everyChannel((value) => blend(mean, value, Math.fround(factor)))
}

/** `ImageOps.autocontrast`: each channel stretched so that its darkest level is 0 and its brightest 255. */
export function autoContrastTable(histogram: Histogram): Table {
  const table = identityTable()
  for (let channel = 0; channel < 768; channel += 256) {
    const counts = histogram.subarray(channel, channel + 256)
    const low = counts.findIndex((count) => count > 0)
    const high = counts.findLastIndex((count) => count > 0)
    if (high <= low) continue
    const scale = 255 / (high - low)
    const offset = -low * scale
    // The table stores bytes: what is cut off is the fraction, as Python's int() does.
    for (let v = 0; v < 256; v++) table[channel + v] = Math.min(255, Math.max(0, v * scale + offset))
  }
  return table
}

/** `ImageOps.equalize`: each channel's levels spread so that all are about equally frequent. */
export function equalizeTable(histogram: Histogram): Table {
  const table = identityTable()
  for (let channel = 0; channel < 768; channel += 256) {
    const counts = histogram.subarray(channel, channel + 256)
    const high = counts.findLastIndex((count) => count > 0)
    const total = counts.reduce((sum, count) => sum + count, 0)
    // The brightest level's own count does not enter: it has nowhere to go.
    const step = Math.floor((total - (counts[high] ?? 0)) / 255)
    if (step === 0) continue
    let below = Math.floor(step / 2)
    for (let v = 0; v < 256; v++) {
      table[channel + v] = Math.min(255, Math.floor(below / step))
      below += counts[v] ?? 0
    }
  }
  return table
}

/** What becomes of a histogram when its tile goes through `table`. */
export function countsAfter(counts: Histogram, table: Table | null): Histogram {
  if (table === null) return counts
  const after = new Uint32Array(768)
  for (let i = 0; i < 768; i++) {
    const to = (i & 768) + (table[i] as number)
    after[to] = (after[to] as number) + (counts[i] as number)
  }
  return after
}

/** Table of `first`, then `second`. */
export function composeTables(first: Table | null, second: Table): Table {
  if (first === null) return second
  return first.map((value, i) => second[(i & 768) + value] as number)
}

/**
 * Returns `from + factor · (to − from)` as a byte, in single precision and cut off, not rounded, as Pillow's `Image.blend`.
 * @param factor A float32; beyond 1 it goes on past `to`.
 */
export function blend(from: number, to: number, factor: number): number {
  const value = Math.fround(from + Math.fround(factor * (to - from)))
  return value <= 0 ? 0 : value >= 255 ? 255 : value | 0
}
