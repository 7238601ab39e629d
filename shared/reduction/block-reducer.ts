/**
 * @file Blocks of many sites' encoded deltas, made one: decoded, scaled, combined coordinate by coordinate, in a memory that holds one block
 * and nothing of a model.
 *
 *   mean:     Δ = Σᵢ wᵢ·fᵢ·Δᵢ / Σᵢ wᵢ          w: weight, f: scale of site i; sums in float64, in the order of the rows
 *   trimmed:  mean of the fᵢ·Δᵢ without the `trim` smallest and largest
 *   counters: the largest, in either case
 */
import { type DeltaBlock, INT8_BLOCK, type Piece } from '../delta/index.ts'
import { type Kernels, startKernels } from './load.ts'
import { sortingNetwork } from './sorting-network.ts'

export type Combination =
  | { readonly kind: 'mean' }
  /** `trim`: sites that are left out at each end; less than half of them. */
  | { readonly kind: 'trimmed'; readonly trim: number }

export interface Reduction {
  readonly combination: Combination
  /** By row: wᵢ. */
  readonly weights: readonly number[]
  /** By row: fᵢ. */
  readonly scales: readonly number[]
}

export interface BlockReducer {
  /**
   * Combines a block of all rows; the result is valid until the next call.
   * @param read Fills `into` with the block's bytes of a row.
   */
  reduce(block: DeltaBlock, read: (row: number, into: Uint8Array) => void): Float32Array
}

/** Rows of a mean that are in memory together: a group stays in a core's cache while it is added up. */
const MEAN_ROWS = 4
/** Elements of a block of a mean: 256 KiB of each row, which the system copies in one go faster than in several. */
const MEAN_ELEMENTS = 65_536
/** Elements of a block of all rows together, where all are needed at once: 16 MiB. */
const SORTED_ELEMENTS = 4 * 1024 * 1024
/** Kernels run to a multiple of this. */
const ROUND = 16

/** The size of blocks that suits a combination of so many rows. */
export function blockElements({ kind }: Combination, rows: number): number {
  return kind === 'mean' ? MEAN_ELEMENTS : Math.min(MEAN_ELEMENTS, Math.floor(SORTED_ELEMENTS / rows))
}

/** @param blocks All that will be reduced: they set the size of the memory. */
export function createBlockReducer(
  { combination, weights, scales }: Reduction,
  blocks: readonly DeltaBlock[],
): BlockReducer {
  const rows = weights.length
  const held = combination.kind === 'mean' ? Math.min(MEAN_ROWS, rows) : rows
  const network = combination.kind === 'mean' ? [] : sortingNetwork(rows)
  const most = Math.max(0, ...blocks.map(({ elements }) => elements))
  const stride = 4 * (Math.ceil(most / ROUND) * ROUND + ROUND)
  const regions = placed({
    coefficients: 8 * rows,
    network: 8 * network.length,
    lines: 64 * rows,
    sum: 2 * stride,
    out: stride,
    encoded: Math.max(0, ...blocks.map(({ bytes }) => bytes)) + ROUND,
    rows: held * stride,
  })
  const { kernels, memory } = startKernels(regions.end)
  const { buffer } = memory
  const factors = new Float64Array(buffer, regions.coefficients, rows)
  factors.set(weights.map((weight, row) => weight * (scales[row] ?? 1)))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  new Uint32Array(buffer, regions.network, 2 * network.length).set(network.flat().map((line) => 64 * line))
  const out = new Float32Array(buffer, regions.out, most)

  /** Puts the values of a row into a place; gives the largest counters on. */
  const load = (
    block: DeltaBlock,
    row: number,
    place: number,
    read: ReadRow,
    largest: Float32Array,
  ): void => {
    const at = regions.rows + place * stride
    if (block.pieces.every(({ encoding }) => encoding === 'f32')) {
      read(row, new Uint8Array(buffer, at, block.bytes))
    } else {
      read(row, new Uint8Array(buffer, regions.encoded, block.bytes))
      let to = at
      for (const piece of block.pieces) {
        widen(kernels, piece, regions.encoded + piece.offset, to, buffer)
        to += 4 * piece.elements
      }
    }
    takeCounters(block, new Float32Array(buffer, at, block.elements), largest)
  }

  return {
    reduce(block, read) {
      const { elements } = block
      const largest = new Float32Array(countersOf(block)).fill(Number.NEGATIVE_INFINITY)
      if (combination.kind === 'mean') {
        for (let first = 0; first < rows; first += held) {
          const group = Math.min(held, rows - first)
          for (let i = 0; i < group; i++) load(block, first + i, i, read, largest)
          const coefficients = regions.coefficients + 8 * first
          const start = first === 0 ? 1 : 0
          kernels.weightedSum(regions.rows, stride, group, coefficients, regions.sum, elements, start)
        }
        kernels.quotient(regions.sum, total, regions.out, elements)
      } else {
        for (let row = 0; row < rows; row++) {
          load(block, row, row, read, largest)
          const factor = scales[row] ?? 1
          if (factor !== 1) kernels.scale(regions.rows + row * stride, factor, elements)
        }
        const { network: pairs, lines } = regions
        const { trim } = combination
        kernels.trimmedMean(
          regions.rows,
          stride,
          rows,
          pairs,
          network.length,
          lines,
          trim,
          regions.out,
          elements,
        )
      }
      const result = out.subarray(0, elements)
      putCounters(block, result, largest)
      return result
    },
  }
}

type ReadRow = (row: number, into: Uint8Array) => void

/** Addresses of regions of these sizes, one after the other, each at a cache line. */
function placed<T extends Record<string, number>>(sizes: T): Record<keyof T, number> & { end: number } {
  let end = 0
  const places = Object.entries(sizes).map(([name, bytes]) => {
    const at = end
    end += Math.ceil(bytes / 64) * 64
    return [name, at]
  })
  return { ...Object.fromEntries(places), end }
}

function widen(
  kernels: Kernels,
  { encoding, elements }: Piece,
  from: number,
  to: number,
  buffer: ArrayBuffer,
): void {
  if (encoding === 'f32') new Uint8Array(buffer).copyWithin(to, from, from + 4 * elements)
  else if (encoding === 'bf16') kernels.widenBrain(from, to, elements)
  else kernels.widenBlocks(from, to, elements, INT8_BLOCK)
}

function countersOf({ pieces }: DeltaBlock): number {
  return pieces.reduce((sum, { kind, elements }) => sum + (kind === 'counter' ? elements : 0), 0)
}

/** Runs over the counters of a block: their place in it, and in the list of its counters. */
function eachCounter({ pieces }: DeltaBlock, visit: (at: number, counter: number) => void): void {
  let [at, counter] = [0, 0]
  for (const { kind, elements } of pieces) {
    if (kind === 'counter') for (let i = 0; i < elements; i++) visit(at + i, counter++)
    at += elements
  }
}

function takeCounters(block: DeltaBlock, values: Float32Array, largest: Float32Array): void {
  if (largest.length === 0) return
  eachCounter(block, (at, counter) => {
    largest[counter] = Math.max(largest[counter] ?? 0, values[at] ?? 0)
  })
}

function putCounters(block: DeltaBlock, values: Float32Array, largest: Float32Array): void {
  if (largest.length === 0) return
  eachCounter(block, (at, counter) => {
    values[at] = largest[counter] ?? 0
  })
}
