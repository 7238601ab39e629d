/**
 * A block whose coefficients come in one piece, in zigzag order.
 * Source: ITU-T T.81, sections F.1.2 and F.2.2.
 */
import { bitsOfScan, hasMore } from './bits'
import { Component, isBeyond } from './component'
import { extended, KNOWN, longCode } from './huffman'
import { flat, transform } from './idct'
import { placeOf } from './zigzag'

/** The block in work; zeros between two blocks. */
const BLOCK = memory.data(128, 16)

/** Reads the component's next block and writes its samples to `to`. False when the bits are no block. */
export function decodeBlock(component: Component, to: usize, stride: usize): bool {
  const reader = bitsOfScan()
  if (!hasMore(reader)) return false
  let bits = reader.buffer
  let count = reader.count
  let next = reader.next
  if (count < 32) {
    bits |= <u64>load<u32>(next) << (32 - count)
    count += 32
    next += 4
  }
  const dcTable = component.dcTable
  let entry = load<i32>(dcTable + (<usize>(bits >> 54) << 2))
  if (entry == 0) {
    entry = longCode(dcTable, <i32>(bits >> 48), true)
    if (entry == 0) return false
  }
  bits <<= entry & 31
  count -= entry & 31
  let difference = entry >> 16
  if ((entry & KNOWN) == 0) {
    const size = (entry >> 9) & 15
    if (size > 0) {
      difference = extended(<i32>(bits >> (64 - size)), size)
      bits <<= size
      count -= size
    } else difference = 0
  }
  const mean = component.predictor + difference
  if (isBeyond(mean)) return false
  component.predictor = mean

  const acTable = component.acTable
  let k: i32 = 1
  let filled = false
  while (k < 64) {
    if (count < 32) {
      bits |= <u64>load<u32>(next) << (32 - count)
      count += 32
      next += 4
    }
    entry = load<i32>(acTable + (<usize>(bits >> 54) << 2))
    if (entry & KNOWN) {
      k += (entry >> 5) & 15
      if (k > 63) return clear()
      bits <<= entry & 31
      count -= entry & 31
      store<i16>(BLOCK + placeOf(k), <i16>(entry >> 16))
      filled = true
      k++
      continue
    }
    if (entry == 0) {
      entry = longCode(acTable, <i32>(bits >> 48), false)
      if (entry == 0) return clear()
    }
    bits <<= entry & 31
    count -= entry & 31
    const run = (entry >> 5) & 15
    const size = (entry >> 9) & 15
    k += run
    if (size == 0) {
      if (run == 0) break
      // Sixteen zeros and no value.
      if (run != 15 || k > 62) return clear()
      k++
      continue
    }
    if (k > 63) return clear()
    store<i16>(BLOCK + placeOf(k), <i16>extended(<i32>(bits >> (64 - size)), size))
    filled = true
    bits <<= size
    count -= size
    k++
  }
  reader.buffer = bits
  reader.count = count
  reader.next = next
  if (filled) {
    store<i16>(BLOCK, <i16>mean)
    const known = transform(BLOCK, component.quantiser, to, stride)
    clear()
    return known
  }
  return flat(mean, component.quantiser, to, stride)
}

/** Leaves zeros. Returns false. */
function clear(): bool {
  const zero = i64x2.splat(0)
  for (let i: usize = 0; i < 128; i += 16) v128.store(BLOCK + i, zero)
  return false
}
