/**
 * @file Decodes the PNG that tiles come as: 8-bit RGB, not interlaced. Everything else is left to sharp.
 *
 * libvips spends 0.6 ms on each picture besides decoding it; a tile of 96 px needs a quarter of that here. Lossless, so the bytes are equal.
 * Source: PNG, Third Edition, W3C 2025, sections 5 (chunks), 9 (filters) and 10 (zlib), https://www.w3.org/TR/png-3/
 */
import { crc32, inflateSync } from 'node:zlib'

/** RGB bytes, row by row. */
export interface RgbImage {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

const IHDR = 0x49484452
const IDAT = 0x49444154
const IEND = 0x49454e44
/** Transparent colour. */
const TRNS = 0x74524e53
const SIGNATURE_BYTES = 8
/** Length, type and checksum around a chunk's content. */
const CHUNK_BYTES = 12

/** Returns the pixels; null when the file is of another kind, larger than `maxPixels`, or damaged: sharp then judges it. */
export function decodePlainPng(bytes: Buffer, maxPixels: number): RgbImage | null {
  const parts: Buffer[] = []
  let size: { width: number; height: number } | null = null
  for (let at = SIGNATURE_BYTES; at + CHUNK_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    const type = bytes.readUInt32BE(at + 4)
    const end = at + 8 + length
    if (end + 4 > bytes.length || crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) return null
    const content = bytes.subarray(at + 8, end)
    if (size === null) {
      size = type === IHDR ? plainSize(content, maxPixels) : null
      if (size === null) return null
    } else if (type === IDAT) parts.push(content)
    else if (type === TRNS) return null
    else if (type === IEND) return unpack(size, parts)
    at = end + 4
  }
  return null
}

function plainSize(header: Buffer, maxPixels: number): { width: number; height: number } | null {
  if (header.length !== 13) return null
  const width = header.readUInt32BE(0)
  const height = header.readUInt32BE(4)
  // 8 bits, RGB, deflate, the five filters, no interlace.
  const plain = [8, 2, 0, 0, 0].every((value, i) => header[8 + i] === value)
  return plain && width > 0 && height > 0 && width * height <= maxPixels ? { width, height } : null
}

function unpack(size: { width: number; height: number }, parts: readonly Buffer[]): RgbImage | null {
  const { width, height } = size
  const packedBytes = (width * 3 + 1) * height
  const packed = inflate(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), packedBytes)
  if (packed?.length !== packedBytes) return null
  const pixels = new Uint8Array(width * height * 3)
  const stride = width * 3
  for (let y = 0; y < height; y++) {
    if (!unfilterRow(pixels, y * stride, packed, y * (stride + 1), stride)) return null
  }
  return { width, height, pixels }
}

function inflate(bytes: Buffer, maxOutputLength: number): Buffer | null {
  try {
    return inflateSync(bytes, { maxOutputLength })
  } catch {
    return null
  }
}

/** Undoes the filter of the row that starts at `from` with its filter's number; false when there is no such filter. */
function unfilterRow(out: Uint8Array, to: number, packed: Buffer, from: number, stride: number): boolean {
  const filter = packed[from]
  const end = to + stride
  // The row above the first one is 0.
  const up = to === 0 ? null : to - stride
  let i = from + 1
  if (filter === 0 || (filter === 2 && up === null)) {
    out.set(packed.subarray(i, i + stride), to)
  } else if (filter === 1) {
    for (let o = to; o < end; o++)
      out[o] = (packed[i++] as number) + (o < to + 3 ? 0 : (out[o - 3] as number))
  } else if (filter === 2) {
    for (let o = to; o < end; o++) out[o] = (packed[i++] as number) + (out[o - stride] as number)
  } else if (filter === 3) {
    for (let o = to; o < end; o++) {
      const left = o < to + 3 ? 0 : (out[o - 3] as number)
      const above = up === null ? 0 : (out[o - stride] as number)
      out[o] = (packed[i++] as number) + ((left + above) >> 1)
    }
  } else if (filter === 4) {
    for (let o = to; o < end; o++) {
      const left = o < to + 3 ? 0 : (out[o - 3] as number)
      const above = up === null ? 0 : (out[o - stride] as number)
      const corner = o < to + 3 || up === null ? 0 : (out[o - stride - 3] as number)
      out[o] = (packed[i++] as number) + paeth(left, above, corner)
    }
  } else return false
  return true
}

/** The neighbour that is nearest to left + above − corner; the first of equals. */
function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner)
  const toAbove = Math.abs(left - corner)
  const toCorner = Math.abs(left + above - 2 * corner)
  if (toLeft <= toAbove && toLeft <= toCorner) return left
  return toAbove <= toCorner ? above : corner
}
