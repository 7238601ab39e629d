/**
 * @file Walks a MessagePack frame and refuses what no message of ours has, before a decoder allocates anything for it.
 *
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md. A frame of a few bytes may claim an array of 2³² elements, nest
 * a hundred thousand deep, name a key `__proto__` or carry an extension type: each costs or means something to a decoder.
 */
import { MAX_FRAME_DEPTH, MAX_FRAME_VALUES } from './limits.ts'

/** What a frame did wrong, as the end of a sentence. */
export type FrameFault =
  | 'an end before its last value'
  | 'bytes after its value'
  | 'more values than a message has'
  | 'deeper nesting than a message has'
  | 'an extension or reserved type'
  | 'a key that is not a plain text'

/** Null when `bytes` holds exactly one value within the limits; otherwise what is wrong. Reads each byte at most once, allocates nothing. */
export function scanFrame(bytes: Uint8Array): FrameFault | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let position = 0
  let values = 0

  /** Big-endian unsigned integer of `size` bytes; NaN past the end, so that every comparison with it fails. */
  const unsigned = (size: 1 | 2 | 4): number => {
    if (position + size > bytes.length) return Number.NaN
    const at = position
    position += size
    return size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at)
  }
  const skip = (length: number): FrameFault | null => {
    if (!(length <= bytes.length - position)) return 'an end before its last value'
    position += length
    return null
  }
  const key = (): FrameFault | null => {
    const token = unsigned(1)
    const length = token >= 0xa0 && token <= 0xbf ? token - 0xa0 : token === 0xd9 ? unsigned(1) : Number.NaN
    const start = position
    if (skip(length) !== null) return 'a key that is not a plain text'
    return isProto(bytes, start, length) ? 'a key that is not a plain text' : null
  }
  const items = (count: number, depth: number, keyed: boolean): FrameFault | null => {
    if (Number.isNaN(count)) return 'an end before its last value'
    if (depth >= MAX_FRAME_DEPTH) return 'deeper nesting than a message has'
    if (count > MAX_FRAME_VALUES) return 'more values than a message has'
    for (let i = 0; i < count; i++) {
      const fault = (keyed ? key() : null) ?? value(depth + 1)
      if (fault !== null) return fault
    }
    return null
  }
  const value = (depth: number): FrameFault | null => {
    values += 1
    if (values > MAX_FRAME_VALUES) return 'more values than a message has'
    const token = unsigned(1)
    if (Number.isNaN(token)) return 'an end before its last value'
    if (token <= 0x7f || token >= 0xe0) return null // small integers
    if (token <= 0x8f) return items(token - 0x80, depth, true)
    if (token <= 0x9f) return items(token - 0x90, depth, false)
    if (token <= 0xbf) return skip(token - 0xa0) // short text
    switch (token) {
      case 0xc0: // null
      case 0xc2: // false
      case 0xc3: // true
        return null
      case 0xc4: // bytes
      case 0xd9: // text
        return skip(unsigned(1))
      case 0xc5:
      case 0xda:
        return skip(unsigned(2))
      case 0xc6:
      case 0xdb:
        return skip(unsigned(4))
      case 0xcc: // integers of 1 byte
      case 0xd0:
        return skip(1)
      case 0xcd: // of 2
      case 0xd1:
        return skip(2)
      case 0xca: // float32; integers of 4 bytes
      case 0xce:
      case 0xd2:
        return skip(4)
      case 0xcb: // float64; integers of 8 bytes
      case 0xcf:
      case 0xd3:
        return skip(8)
      case 0xdc: // arrays
        return items(unsigned(2), depth, false)
      case 0xdd:
        return items(unsigned(4), depth, false)
      case 0xde: // maps
        return items(unsigned(2), depth, true)
      case 0xdf:
        return items(unsigned(4), depth, true)
      default:
        return 'an extension or reserved type'
    }
  }
  return value(0) ?? (position < bytes.length ? 'bytes after its value' : null)
}

const PROTO = new TextEncoder().encode('__proto__')

/** Whether the key at `start` would set an object's prototype instead of a field. */
function isProto(bytes: Uint8Array, start: number, length: number): boolean {
  return length === PROTO.length && PROTO.every((byte, i) => bytes[start + i] === byte)
}
