/**
 * @file The tables of a JPEG file: factors of the coefficients, and codes.
 * Source: ITU-T T.81, sections B.2.4.1 (factors) and B.2.4.2 (codes).
 */
import type { TileMemory } from '../wasm/tile-memory.ts'

export interface JpegTables {
  /** Reads a segment of factors that lies at address `at`; false when they are not of 8 bits. */
  addFactors(content: Uint8Array, at: number): boolean
  /** Reads a segment of codes that lies at address `at`; false when it is cut. */
  addCodes(content: Uint8Array, at: number): boolean
  /** Address of the `i`-th factors; 0 when there are none. */
  factors(i: number): number
  /**
   * Address of the `i`-th codes, made when they are first asked for; 0 when there are none, or they are no prefix codes.
   * @param known See wasm/assembly/huffman.ts.
   */
  codes(kind: 'mean' | 'coefficients', i: number, known: boolean): number
}

const FACTORS = 64
const FACTOR_BYTES = FACTORS * 2
/** Of wasm/assembly/huffman.ts. */
const CODE_BYTES = 4488
/** Tables of a kind. */
const TABLES = 4

/** Builds the tables of a file that has none yet. */
export function createTables(memory: TileMemory): JpegTables {
  const { kernels } = memory
  const factorsAt = memory.take(TABLES * FACTOR_BYTES)
  const codesAt = memory.take(2 * TABLES * CODE_BYTES)
  const factors = new Set<number>()
  /** Of each table of codes: where its counts are, and whether it has been made. */
  const codes = new Map<number, { readonly counts: number; made: boolean }>()
  return {
    addFactors(content, at) {
      for (let offset = 0; offset < content.length; offset += 1 + FACTORS) {
        // 16-bit factors have a 1 in their upper half.
        const i = content[offset] as number
        if (i >= TABLES || offset + 1 + FACTORS > content.length) return false
        if (!kernels.setFactors(at + offset + 1, factorsAt + i * FACTOR_BYTES)) return false
        factors.add(i)
      }
      return true
    },
    addCodes(content, at) {
      for (let offset = 0; offset < content.length; ) {
        const name = content[offset] as number
        if ((name & 15) >= TABLES || name >> 4 > 1) return false
        const counts = content.subarray(offset + 1, offset + 17)
        const symbols = counts.reduce((sum, count) => sum + count, 0)
        if (offset + 17 + symbols > content.length) return false
        codes.set((name >> 4) * TABLES + (name & 15), { counts: at + offset + 1, made: false })
        offset += 17 + symbols
      }
      return true
    },
    factors: (i) => (factors.has(i) ? factorsAt + i * FACTOR_BYTES : 0),
    codes(kind, i, known) {
      const place = (kind === 'mean' ? 0 : TABLES) + i
      const table = codes.get(place)
      if (table === undefined) return 0
      const to = codesAt + place * CODE_BYTES
      if (!table.made && !kernels.buildHuffman(table.counts, to, kind === 'mean', known)) return 0
      table.made = true
      return to
    },
  }
}
