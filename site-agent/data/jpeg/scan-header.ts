/**
 * @file A JPEG scan's header, and whether the scans of a file bring everything once.
 * Source: ITU-T T.81, sections B.2.3 (scan header) and G.1.1 (order of scans).
 */
import type { JpegFrame } from './frame.ts'

/** What a scan brings; numbers as in wasm/assembly/scan.ts. */
const PASS = { whole: 0, mean: 1, coefficients: 2, meanAgain: 3, coefficientsAgain: 4 } as const

export interface JpegScan {
  /** Components that take part, in the frame's order, with their tables, 0 to 3. */
  readonly members: readonly { readonly index: number; readonly dc: number; readonly ac: number }[]
  readonly pass: (typeof PASS)[keyof typeof PASS]
  /** First and last coefficient, in zigzag order. */
  readonly first: number
  readonly last: number
  /** Bits that are still to come. */
  readonly shift: number
}

/** Most bits that a coefficient may still lack: one has 11. */
const MAX_SHIFT = 10

/** Reads a scan header without its length; null when it is none that the frame can have. */
export function readScan(content: Uint8Array, frame: JpegFrame): JpegScan | null {
  const count = content[0] ?? 0
  if (count < 1 || count > 3 || content.length !== 4 + 2 * count) return null
  const members = Array.from({ length: count }, (_, i) => {
    const tables = content[2 + 2 * i] ?? 0
    const index = frame.components.findIndex(({ id }) => id === content[1 + 2 * i])
    return { index, dc: tables >> 4, ac: tables & 15 }
  })
  if (members.some(({ index, dc, ac }, i) => index <= (members[i - 1]?.index ?? -1) || dc > 3 || ac > 3))
    return null
  const [first = 0, last = 0, bits = 0] = content.subarray(1 + 2 * count)
  const before = bits >> 4
  const shift = bits & 15
  if (!frame.progressive) {
    const whole = first === 0 && last === 63 && bits === 0
    return whole ? { members, pass: PASS.whole, first, last, shift } : null
  }
  if (shift > MAX_SHIFT || (before !== 0 && before !== shift + 1) || last > 63 || first > last) return null
  if (first === 0 ? last !== 0 : count !== 1) return null
  const again = before !== 0
  const means = again ? PASS.meanAgain : PASS.mean
  const others = again ? PASS.coefficientsAgain : PASS.coefficients
  return { members, pass: first === 0 ? means : others, first, last, shift }
}

/** Keeps count of what has come. */
export interface Completeness {
  /** Notes a scan; false when it brings something a second time, or before its turn. */
  add(scan: JpegScan): boolean
  /** True when every bit of every coefficient has come: otherwise libjpeg smooths what is missing. */
  isComplete(): boolean
}

/** Builds the count of a file in which nothing has come. */
export function createCompleteness(): Completeness {
  /** Bits that are missing, of each coefficient of each component. */
  const missing = new Int8Array(3 * 64).fill(NOTHING_YET)
  return {
    add({ members, pass, first, last, shift }) {
      const want = pass === PASS.meanAgain || pass === PASS.coefficientsAgain ? shift + 1 : NOTHING_YET
      for (const { index } of members) {
        const of = missing.subarray(index * 64, index * 64 + 64)
        if (first > 0 && of[0] === NOTHING_YET) return false
        if (of.subarray(first, last + 1).some((bits) => bits !== want)) return false
        of.fill(shift, first, last + 1)
      }
      return true
    },
    isComplete: () => missing.every((bits) => bits === 0),
  }
}

const NOTHING_YET = -1
