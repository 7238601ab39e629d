/**
 * @file What the frame header of a JPEG file says: enough to know that it is a colour picture of 8 bits without asking sharp, which takes 0.15 ms.
 *
 * Source: ITU-T T.81, sections B.1.1 (markers) and B.2.2 (frame header).
 */

const START = 0xffd8
const START_OF_SCAN = 0xda
/** Frames that libjpeg reads: baseline, extended, progressive; all with Huffman codes. */
const FRAMES: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc2])

/** Returns the size of an 8-bit JPEG with three components; null for anything else, which sharp then judges. */
export function plainJpegSize(bytes: Buffer): { width: number; height: number } | null {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== START) return null
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1] as number
    if (bytes[at] !== 0xff || marker < 0xc0 || marker === START_OF_SCAN) return null
    const length = bytes.readUInt16BE(at + 2)
    if (FRAMES.has(marker)) {
      if (length < 8 || at + 10 > bytes.length) return null
      const [precision, components] = [bytes[at + 4], bytes[at + 9]]
      const height = bytes.readUInt16BE(at + 5)
      const width = bytes.readUInt16BE(at + 7)
      return precision === 8 && components === 3 && width > 0 && height > 0 ? { width, height } : null
    }
    at += 2 + length
  }
  return null
}
