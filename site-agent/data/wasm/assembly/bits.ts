/**
 * The bits of a scan, up to its next marker: stuffed zeros taken out, words of 32 bits turned so that one load gives them in order.
 * Source: ITU-T T.81, section B.1.1.5.
 */

@unmanaged
export class Bits {
  /** Unread bits, from the top. */
  buffer: u64
  /** How many of them, at least. */
  count: i32
  /** Next word. */
  next: usize
  first: usize
  /** End of the bytes; behind it are zeros, SLACK of them at least. */
  end: usize
}

/** A block reads 64 codes of at most one word each before anybody looks where it is. */
export const SLACK: usize = 320

const STATE = memory.data(offsetof<Bits>(), 16)

// @ts-ignore: decorator
@inline
export function bitsOfScan(): Bits {
  return changetype<Bits>(STATE)
}

/**
 * Unpacks from `from` to the next marker into `to`, where `end - from + SLACK + 16` bytes must be free.
 * @returns Address of the marker; 0 if there is none before `end`.
 */
export function unpackBits(from: usize, end: usize, to: usize): usize {
  const bits = bitsOfScan()
  bits.first = to
  bits.next = to
  bits.buffer = 0
  bits.count = 0
  const ones = i8x16.splat(-1)
  for (;;) {
    while (from + 16 <= end) {
      const bytes = v128.load(from)
      v128.store(to, bytes)
      const found = i8x16.bitmask(i8x16.eq(bytes, ones))
      if (found != 0) {
        const before = <usize>ctz(found)
        from += before
        to += before
        break
      }
      from += 16
      to += 16
    }
    while (from < end && load<u8>(from) != 0xff) store<u8>(to++, load<u8>(from++))
    if (from + 2 > end) return 0
    if (load<u8>(from, 1) != 0) break
    store<u8>(to++, 0xff)
    from += 2
  }
  bits.end = to
  memory.fill(to, 0, SLACK)
  for (let word = bits.first; word < to; word += 16) {
    const bytes = v128.load(word)
    v128.store(word, v128.shuffle<i8>(bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12))
  }
  return from
}

/** True when a block may be read: only words of bits that are still unread reach past the end. */
// @ts-ignore: decorator
@inline
export function hasMore(bits: Bits): bool {
  return bits.next <= bits.end + 12
}

/** True when all bits have been read, but for those that fill the last byte. */
export function usedUp(bits: Bits): bool {
  const read = (<i32>(bits.next - bits.first) << 3) - bits.count
  const all = <i32>(bits.end - bits.first) << 3
  return read <= all && read > all - 8
}

/** Makes 32 bits or more ready. */
// @ts-ignore: decorator
@inline
export function fillUp(bits: Bits): void {
  if (bits.count < 32) {
    bits.buffer |= <u64>load<u32>(bits.next) << (32 - bits.count)
    bits.next += 4
    bits.count += 32
  }
}

/** The next `count` bits, 1 to 32 of those that are ready. */
// @ts-ignore: decorator
@inline
export function takeBits(bits: Bits, count: i32): i32 {
  const value = <i32>(bits.buffer >> (64 - count))
  bits.buffer <<= count
  bits.count -= count
  return value
}
