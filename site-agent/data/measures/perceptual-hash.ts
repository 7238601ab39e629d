/**
 * @file A perceptual hash: 64 bits that stay nearly the same when a tile is stored again, scaled, or made a little lighter or darker.
 *
 *   G      the tile in grey, averaged to 32 × 32
 *   F_vu = Σ_yx G_yx cos(π(2y + 1)v / 64) cos(π(2x + 1)u / 64)      u, v = 1 … 8
 *   bit (v, u) is 1 where F_vu > 0
 *
 * A mirrored tile has the same F with the sign of each odd u (or v) changed, a transposed one has Fᵀ: the hashes of all eight orientations follow
 * from one hash. Source: Zauner, 2010, "Implementation and benchmarking of perceptual image hash functions", section 3.2.1 (DCT based).
 * Differs: row and column 0 are left out, and signs are held against 0 in place of the median, so that orientations only move and turn bits.
 */

/** A hash: rows 1 to 4 of F in the first word, 5 to 8 in the second, a byte a row, u = 1 in its lowest bit. */
export type Hash = readonly [number, number]

const SIDE = 32
const ORDERS = 8

const COSINES = Float64Array.from({ length: ORDERS * SIDE }, (_, i) => {
  const [order, x] = [Math.floor(i / SIDE) + 1, i % SIDE]
  return Math.cos((Math.PI * (2 * x + 1) * order) / (2 * SIDE))
})

export interface Look {
  readonly hash: Hash
  /** Standard deviation of G: 0 for a tile of one colour. */
  readonly contrast: number
}

/** Computes the hash of a square grey tile. */
export function perceptualHash(grey: Float32Array, sizePx: number): Look {
  const small = averaged(grey, sizePx)
  const contrast = deviation(small)
  const rows = new Float64Array(SIDE * ORDERS) // [y, u]
  for (let y = 0; y < SIDE; y++) {
    for (let u = 0; u < ORDERS; u++) {
      let sum = 0
      for (let x = 0; x < SIDE; x++)
        sum += (small[y * SIDE + x] as number) * (COSINES[u * SIDE + x] as number)
      rows[y * ORDERS + u] = sum
    }
  }
  const words = [0, 0]
  for (let v = 0; v < ORDERS; v++) {
    for (let u = 0; u < ORDERS; u++) {
      let sum = 0
      for (let y = 0; y < SIDE; y++)
        sum += (rows[y * ORDERS + u] as number) * (COSINES[v * SIDE + y] as number)
      if (sum > 0) words[v >> 2] = (words[v >> 2] as number) | (1 << ((v & 3) * ORDERS + u))
    }
  }
  return { hash: [(words[0] as number) >>> 0, (words[1] as number) >>> 0], contrast }
}

function deviation(values: Float64Array): number {
  let [sum, squares] = [0, 0]
  for (const value of values) sum += value
  const mean = sum / values.length
  for (const value of values) squares += (value - mean) ** 2
  return Math.sqrt(squares / values.length)
}

/** Means over 32 × 32 areas of equal size; a pixel on a border counts for both sides by its share. */
function averaged(grey: Float32Array, sizePx: number): Float64Array {
  const areas = areasOf(sizePx)
  const across = new Float64Array(sizePx * SIDE)
  for (let y = 0; y < sizePx; y++) average(grey, y * sizePx, 1, across, y * SIDE, 1, areas)
  const small = new Float64Array(SIDE * SIDE)
  for (let x = 0; x < SIDE; x++) average(across, x, SIDE, small, x, SIDE, areas)
  return small
}

/** Pixels of a line that each of its 32 areas covers: those of area i are entries heads[i] to heads[i + 1]. */
interface Areas {
  readonly heads: Int32Array
  readonly pixels: Int32Array
  /** Share of the area that lies on the pixel. */
  readonly shares: Float64Array
}

function areasOf(sizePx: number): Areas {
  const step = sizePx / SIDE
  const heads = [0]
  const found: { pixel: number; share: number }[] = []
  for (let area = 0; area < SIDE; area++) {
    const [from, to] = [area * step, (area + 1) * step]
    for (let pixel = Math.floor(from); pixel < Math.min(to, sizePx); pixel++) {
      found.push({ pixel, share: (Math.min(to, pixel + 1) - Math.max(from, pixel)) / step })
    }
    heads.push(found.length)
  }
  return {
    heads: Int32Array.from(heads),
    pixels: Int32Array.from(found, ({ pixel }) => pixel),
    shares: Float64Array.from(found, ({ share }) => share),
  }
}

/** Averages one line: from `at` on, `step` apart, to `to` on, `stepTo` apart. */
function average(
  from: ArrayLike<number>,
  at: number,
  step: number,
  out: Float64Array,
  to: number,
  stepTo: number,
  { heads, pixels, shares }: Areas,
): void {
  for (let area = 0; area < SIDE; area++) {
    let sum = 0
    for (let k = heads[area] as number; k < (heads[area + 1] as number); k++) {
      sum += (from[at + (pixels[k] as number) * step] as number) * (shares[k] as number)
    }
    out[to + area * stepTo] = sum
  }
}

/** Bits whose u is odd, and bits whose v is odd: what a mirror left to right, and one top to bottom, turns. */
const ODD_U = 0x55555555
const ODD_V = 0x00ff00ff

/** Hashes of a tile's eight orientations, its own first. */
export function orientations(hash: Hash): Hash[] {
  return [hash, transposed(hash)].flatMap(([low, high]) =>
    [0, ODD_U, ODD_V, ODD_U ^ ODD_V].map((mask): Hash => [(low ^ mask) >>> 0, (high ^ mask) >>> 0]),
  )
}

function transposed(hash: Hash): Hash {
  const words = [0, 0]
  for (let v = 0; v < ORDERS; v++) {
    for (let u = 0; u < ORDERS; u++) {
      if (((hash[v >> 2] as number) >>> ((v & 3) * ORDERS + u)) & 1) {
        words[u >> 2] = (words[u >> 2] as number) | (1 << ((u & 3) * ORDERS + v))
      }
    }
  }
  return [(words[0] as number) >>> 0, (words[1] as number) >>> 0]
}

/** Bits in which a hash differs from another one, given by its words: 0 to 64. */
export function hashDistance(hash: Hash, low: number, high: number): number {
  return bitsOf(hash[0] ^ low) + bitsOf(hash[1] ^ high)
}

/** Ones of a 32-bit word (Warren, Hacker's Delight, figure 5-2). */
function bitsOf(word: number): number {
  let x = word - ((word >>> 1) & 0x55555555)
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333)
  x = (x + (x >>> 4)) & 0x0f0f0f0f
  return Math.imul(x, 0x01010101) >>> 24
}
