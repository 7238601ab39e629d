/** @file The memory of one JPEG picture while it is put together by the kernels. */
import type { TileMemory } from '../wasm/tile-memory.ts'
import type { JpegFrame } from './frame.ts'
import type { JpegScan } from './scan-header.ts'
import type { JpegTables } from './tables.ts'

export interface JpegPicture {
  readonly frame: JpegFrame
  /**
   * Decodes a scan whose bits are at `from`.
   * @returns Address of the marker behind it; 0 when the bits are not exactly the scan's.
   */
  decode(scan: JpegScan, tables: JpegTables, from: number, end: number, interval: number): number
  /** Address of the RGB bytes; 0 when a block cannot be of a picture. */
  finish(): number
}

const SAMPLES_PER_BLOCK = 64
/** Of wasm/assembly/bits.ts. */
const SLACK_BYTES = 320 + 16

/** Takes memory for a picture. @param fileBytes No scan has more. */
export function createPicture(frame: JpegFrame, fileBytes: number, memory: TileMemory): JpegPicture {
  const { kernels } = memory
  const { width, height, progressive } = frame
  const planes = frame.components.map(({ blocksAcross, blocksDown }) => {
    const samples = blocksAcross * blocksDown * SAMPLES_PER_BLOCK
    const plane = memory.take(samples)
    if (!progressive) return { plane, coefficients: 0 }
    const coefficients = memory.take(samples * 2)
    memory.bytes(coefficients, samples * 2).fill(0)
    return { plane, coefficients }
  })
  const scratch = memory.take(Math.max(fileBytes + SLACK_BYTES, width * 6 + 256))

  function describe({ members, pass }: JpegScan, tables: JpegTables): boolean {
    for (const { index, dc, ac } of members) {
      const { across, down, quantiser, ...size } = frame.components[index] as JpegFrame['components'][number]
      const { plane, coefficients } = planes[index] as (typeof planes)[number]
      const factors = tables.factors(quantiser)
      const [needsMean, needsCoefficients] = NEEDS[pass]
      const means = needsMean ? tables.codes('mean', dc, true) : 0
      const others = needsCoefficients ? tables.codes('coefficients', ac, !progressive) : 0
      if (factors === 0 || (needsMean && means === 0) || (needsCoefficients && others === 0)) return false
      kernels.setComponent(
        index,
        across,
        down,
        size.blocksAcross,
        size.blocksDown,
        size.usedAcross,
        size.usedDown,
        plane,
        coefficients,
        factors,
        means,
        others,
      )
    }
    return true
  }

  return {
    frame,
    decode(scan, tables, from, end, interval) {
      if (!describe(scan, tables)) return 0
      const members = scan.members.reduce((bits, { index }) => bits | (1 << index), 0)
      const { pass, first, last, shift } = scan
      const { unitsAcross, unitsDown } = frame
      return kernels.decodeScan(
        from,
        end,
        scratch,
        members,
        unitsAcross,
        unitsDown,
        interval,
        pass,
        first,
        last,
        shift,
      )
    },
    finish() {
      if (progressive && !kernels.reconstruct()) return 0
      const rgb = memory.take(width * height * 3)
      kernels.writeRgb(rgb, width, height, scratch)
      return rgb
    },
  }
}

/** Whether a pass of that number reads codes of means, and of coefficients. */
const NEEDS = [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
  [false, true],
] as const
