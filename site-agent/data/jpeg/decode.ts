/**
 * @file Decodes the JPEG that tiles come as: 8 bits, brightness and two colours, Huffman codes, in one pass or several. The bytes are those that
 * libjpeg gives by default. Everything else, and everything that is not exactly as it should be, is left to sharp.
 *
 * libvips spends two thirds of its time on a tile on other things than decoding.
 * Source: ITU-T T.81, annex B (markers); ITU-T T.871 (JFIF).
 */
import type { TileMemory } from '../wasm/tile-memory.ts'
import { type JpegFrame, readFrame } from './frame.ts'
import { createPicture, type JpegPicture } from './picture.ts'
import { createCompleteness, type JpegScan, readScan } from './scan-header.ts'
import { createTables } from './tables.ts'

/** RGB bytes in a thread's memory. */
export interface JpegPixels {
  readonly width: number
  readonly height: number
  /** Address of `[height, width, 3]`. */
  readonly at: number
}

/** As much as 2048² pixels take when nothing could be compressed; more is mostly not picture. */
const MAX_FILE_BYTES = 12 * 1024 * 1024
/** Encoders write ten. A few bytes can say "nothing new" of a million blocks: so there is a limit on how often. */
const MAX_SCANS = 32

const [START, END] = [0xd8, 0xd9]
/** Bytes of a marker and of the length behind it. */
const [MARKER_BYTES, LENGTH_BYTES] = [2, 2]

/** Returns the pixels; null when the file is of another kind, or damaged. They stay until the memory is cleared. */
export function decodePlainJpeg(bytes: Uint8Array, memory: TileMemory): JpegPixels | null {
  if (bytes.length > MAX_FILE_BYTES || bytes[0] !== 0xff || bytes[1] !== START) return null
  const file = memory.take(bytes.length)
  memory.bytes(file, bytes.length).set(bytes)
  const reader = createReader(bytes, file, memory)
  for (let at = MARKER_BYTES; ; ) {
    const marker = bytes[at + 1]
    if (bytes[at] !== 0xff || marker === undefined) return null
    if (marker === END) return reader.finish()
    const end = at + MARKER_BYTES + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0)
    const begin = at + MARKER_BYTES + LENGTH_BYTES
    if (end < begin || end > bytes.length) return null
    const next = reader.read(marker, begin, end)
    if (next === null) return null
    at = next
  }
}

interface Reader {
  /** Reads the segment from `begin` to `end`; returns where the next marker is, null when something is not as it should be. */
  read(marker: number, begin: number, end: number): number | null
  finish(): JpegPixels | null
}

function createReader(bytes: Uint8Array, file: number, memory: TileMemory): Reader {
  const tables = createTables(memory)
  const completeness = createCompleteness()
  let picture: JpegPicture | null = null
  let interval = 0
  let scans = 0
  let marks: ColourMarks = { jfif: false, adobe: false }

  function readPicture(content: Uint8Array, progressive: boolean): boolean {
    const frame: JpegFrame | null = picture === null ? readFrame(content, progressive) : null
    if (frame !== null) picture = createPicture(frame, bytes.length, memory)
    return frame !== null
  }

  function decodeScan(content: Uint8Array, end: number): number | null {
    const scan: JpegScan | null = picture === null ? null : readScan(content, picture.frame)
    if (picture === null || scan === null || ++scans > MAX_SCANS || !completeness.add(scan)) return null
    const marker = picture.decode(scan, tables, file + end, file + bytes.length, interval)
    return marker === 0 ? null : marker - file
  }

  return {
    read(marker, begin, end) {
      const content = bytes.subarray(begin, end)
      switch (marker) {
        case 0xc0: // Baseline,
        case 0xc1: // the same with more tables,
        case 0xc2: // progressive.
          return readPicture(content, marker === 0xc2) ? end : null
        case 0xc4:
          return tables.addCodes(content, file + begin) ? end : null
        case 0xdb:
          // A decoder may take them when it meets the frame, or each scan: both must see the same.
          return scans === 0 && tables.addFactors(content, file + begin) ? end : null
        case 0xdd:
          if (content.length !== 2) return null
          interval = (content[0] ?? 0) * 256 + (content[1] ?? 0)
          return end
        case 0xda:
          return decodeScan(content, end)
        default: {
          const after = isRemark(marker) ? marksAfter(marks, marker, content) : null
          if (after === null) return null
          marks = after
          return end
        }
      }
    },
    finish() {
      if (picture === null || !completeness.isComplete() || !isLumaAndColours(marks, picture.frame))
        return null
      const at = picture.finish()
      const { width, height } = picture.frame
      return at === 0 ? null : { width, height, at }
    },
  }
}

/** What applications have written about the colours. */
interface ColourMarks {
  readonly jfif: boolean
  readonly adobe: boolean
}

/** Of an application, or a comment. */
function isRemark(marker: number): boolean {
  return (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe
}

/** Null when a mark says that the picture is anything else than brightness and two colours. */
function marksAfter(marks: ColourMarks, marker: number, content: Uint8Array): ColourMarks | null {
  if (marker === 0xe0 && content.length >= 12 && startsWith(content, 'JFIF\0'))
    return { ...marks, jfif: true }
  if (marker !== 0xee || content.length < 12 || !startsWith(content, 'Adobe')) return marks
  return content[11] === 1 ? { ...marks, adobe: true } : null
}

/** Without a mark the components' names decide, as in libjpeg. */
function isLumaAndColours({ jfif, adobe }: ColourMarks, { components }: JpegFrame): boolean {
  return jfif || adobe || components.every(({ id }, i) => id === i + 1)
}

function startsWith(content: Uint8Array, text: string): boolean {
  return Buffer.from(text, 'latin1').every((byte, i) => content[i] === byte)
}
