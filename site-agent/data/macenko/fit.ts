/**
 * @file The stain of a site: the colours of its haematoxylin and eosin, and how much of each there is.
 *
 *   1. OD of all pixels that are nowhere clear (density.ts)
 *   2. plane of the two largest principal components of OD
 *   3. angle of each pixel in that plane; its 1st and 99th percentile are the two stains, unit vectors w₁ and w₂
 *   4. haematoxylin is the one that takes more red
 *   5. C = W⁺ OD (least squares); each stain's strength is the 99th percentile of its C
 *
 * Source: Macenko et al., ISBI 2009; α = 1 % and step 4 as in the authors' published MATLAB code. Differs: principal components are turned so that
 * all pixels lie on one side, which the code leaves to chance.
 */
import { TesseraError } from '@tessera/shared/errors'
import { quantile } from '@tessera/shared/metrics'
import { DENSITIES, isClear } from './density.ts'
import { principalPlane, type Vector } from './principal-plane.ts'

export interface Stain {
  /** Unit optical density of the stain in red, green and blue. */
  readonly haematoxylin: Vector
  readonly eosin: Vector
  /** 99th percentile of each stain's concentration: haematoxylin, eosin. */
  readonly strength: readonly [number, number]
}

/** Share of the pixels beyond each end. */
const TAIL = 0.01
/** Ten pixels beyond each end. */
const MIN_PIXELS = 1000
/** Nearer than this, in radians, the two vectors are one colour, and amounts of each are noise. 6 degrees; haematoxylin and eosin are 25 to 60 apart. */
const MIN_ANGLE = 0.1

/**
 * Fits the stain to pixels, `[n, 3]` bytes.
 *
 * @throws {TesseraError} ERR_DATA_STAIN when there is too little tissue, or only one colour.
 */
export function fitStain(pixels: Uint8Array): Stain {
  const densities = tissueDensities(pixels)
  const count = densities.length / 3
  if (count < MIN_PIXELS) {
    throw new TesseraError(
      'ERR_DATA_STAIN',
      `stain must be told by at least ${MIN_PIXELS} pixels of tissue, got ${count}`,
    )
  }
  const [first, second] = principalPlane(densities)
  const angles = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    angles[i] = Math.atan2(along(densities, i, second), along(densities, i, first))
  }
  angles.sort()
  const [low, high] = [quantile(angles, TAIL), quantile(angles, 1 - TAIL)]
  if (!(high - low > MIN_ANGLE)) {
    throw new TesseraError('ERR_DATA_STAIN', 'tissue must have two stains, got one colour')
  }
  const [a, b] = [low, high].map((angle) => mixed(first, Math.cos(angle), second, Math.sin(angle))) as [
    Vector,
    Vector,
  ]
  const [haematoxylin, eosin] = a[0] > b[0] ? [a, b] : [b, a]
  const strength = [0, 1].map((stain) => {
    const row = concentrationRows({ haematoxylin, eosin })[stain] as Vector
    const amounts = Float64Array.from({ length: count }, (_, i) => along(densities, i, row)).toSorted()
    return quantile(amounts, 1 - TAIL)
  })
  return { haematoxylin, eosin, strength: [strength[0] as number, strength[1] as number] }
}

/** W⁺ = (Wᵀ W)⁻¹ Wᵀ: the amounts of a stain are OD times its row. */
export function concentrationRows({
  haematoxylin: h,
  eosin: e,
}: Pick<Stain, 'haematoxylin' | 'eosin'>): [Vector, Vector] {
  const [hh, he, ee] = [dot(h, h), dot(h, e), dot(e, e)]
  const determinant = hh * ee - he * he
  return [mixed(h, ee / determinant, e, -he / determinant), mixed(e, hh / determinant, h, -he / determinant)]
}

/** Mean amounts of both stains over the pixels that are nowhere clear; null when all are. */
export function meanConcentrations(pixels: Uint8Array, stain: Stain): [number, number] | null {
  const densities = tissueDensities(pixels)
  const count = densities.length / 3
  if (count === 0) return null
  const [h, e] = concentrationRows(stain)
  const sums: [number, number] = [0, 0]
  for (let i = 0; i < count; i++) {
    sums[0] += along(densities, i, h)
    sums[1] += along(densities, i, e)
  }
  return [sums[0] / count, sums[1] / count]
}

function tissueDensities(pixels: Uint8Array): Float64Array {
  const densities = new Float64Array(pixels.length)
  let length = 0
  for (let at = 0; at < pixels.length; at += 3) {
    const [r, g, b] = [pixels[at] as number, pixels[at + 1] as number, pixels[at + 2] as number]
    if (isClear(r, g, b)) continue
    densities[length++] = DENSITIES[r] as number
    densities[length++] = DENSITIES[g] as number
    densities[length++] = DENSITIES[b] as number
  }
  return densities.subarray(0, length)
}

function along(densities: Float64Array, i: number, [r, g, b]: Vector): number {
  const at = i * 3
  return (densities[at] as number) * r + (densities[at + 1] as number) * g + (densities[at + 2] as number) * b
}

function mixed(a: Vector, ofA: number, b: Vector, ofB: number): Vector {
  return [a[0] * ofA + b[0] * ofB, a[1] * ofA + b[1] * ofB, a[2] * ofA + b[2] * ofB]
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
