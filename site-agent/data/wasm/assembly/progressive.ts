/**
 * Blocks that come in several scans: bands of coefficients, their upper bits first.
 * Source: ITU-T T.81, sections G.1.2 and G.2.
 */
import { bitsOfScan, fillUp, hasMore, takeBits } from './bits'
import { Component, isBeyond } from './component'
import { extended, FAST_BITS, KNOWN, longCode } from './huffman'
import { placeOf } from './zigzag'

/** Coefficients of more bits are none of an 8-bit picture. What further scans add leaves them within ±8191. */
const LARGEST_BITS: i32 = 12

@unmanaged
class Runs {
  /** Blocks, this one included, that have no more coefficients in the band. */
  ended: i32
}

const RUNS = memory.data(offsetof<Runs>(), 4)

// @ts-ignore: decorator
@inline
function runs(): Runs {
  return changetype<Runs>(RUNS)
}

/** At the beginning of an interval no run is on. */
export function beginRuns(): void {
  runs().ended = 0
}

/** The mean but for its last `shift` bits. */
export function mean(component: Component, block: usize, shift: i32): bool {
  const bits = bitsOfScan()
  if (!hasMore(bits)) return false
  const entry = nextEntry(component.dcTable, true)
  if (entry == 0) return false
  const size = (entry >> 9) & 15
  if (entry & KNOWN) component.predictor += entry >> 16
  else if (size > 0) component.predictor += extended(takeBits(bits, size), size)
  const value = component.predictor << shift
  if (isBeyond(component.predictor) || isBeyond(value)) return false
  store<i16>(block, <i16>value)
  return true
}

/** One more bit of the mean. */
export function meanAgain(block: usize, shift: i32): bool {
  const bits = bitsOfScan()
  if (!hasMore(bits)) return false
  fillUp(bits)
  if (takeBits(bits, 1)) store<i16>(block, <i16>(<i32>load<i16>(block) | (1 << shift)))
  return true
}

/** Coefficients `first` to `last` but for their last `shift` bits. */
export function coefficients(component: Component, block: usize, first: i32, last: i32, shift: i32): bool {
  const run = runs()
  if (run.ended > 0) {
    run.ended--
    return true
  }
  const bits = bitsOfScan()
  if (!hasMore(bits)) return false
  for (let k = first; k <= last; k++) {
    const entry = nextEntry(component.acTable, false)
    if (entry == 0) return false
    const zeros = (entry >> 5) & 15
    const size = (entry >> 9) & 15
    if (size == 0 && zeros < 15) {
      run.ended = endedBlocks(zeros) - 1
      return true
    }
    k += zeros
    if (k > last || size + shift > LARGEST_BITS) return false
    if (size > 0) {
      store<i16>(block + placeOf(k), <i16>(extended(takeBits(bits, size), size) << shift))
    }
  }
  return true
}

/** One more bit of coefficients `first` to `last`, and those that begin with it. */
export function coefficientsAgain(component: Component, block: usize, first: i32, last: i32, shift: i32): bool {
  const run = runs()
  const bits = bitsOfScan()
  if (!hasMore(bits)) return false
  let k = first
  if (run.ended == 0) {
    for (; k <= last; k++) {
      const entry = nextEntry(component.acTable, false)
      if (entry == 0) return false
      let zeros = (entry >> 5) & 15
      const size = (entry >> 9) & 15
      let value: i32 = 0
      if (size > 0) {
        if (size != 1) return false
        value = takeBits(bits, 1) ? 1 << shift : -1 << shift
      } else if (zeros < 15) {
        run.ended = endedBlocks(zeros)
        break
      }
      // Zeros are counted where there is none yet; what is there already gets its bit on the way.
      for (; k <= last; k++) {
        if (load<i16>(block + placeOf(k)) != 0) correct(block + placeOf(k), shift)
        else if (--zeros < 0) break
      }
      if (k > last) return false
      if (size > 0) store<i16>(block + placeOf(k), <i16>value)
    }
  }
  if (run.ended > 0) {
    for (; k <= last; k++) {
      if (load<i16>(block + placeOf(k)) != 0) correct(block + placeOf(k), shift)
    }
    run.ended--
  }
  return true
}

/** Adds a coefficient's next bit, away from zero. */
function correct(at: usize, shift: i32): void {
  const bits = bitsOfScan()
  fillUp(bits)
  const value = <i32>load<i16>(at)
  if (takeBits(bits, 1) && (value & (1 << shift)) == 0) {
    store<i16>(at, <i16>(value >= 0 ? value + (1 << shift) : value - (1 << shift)))
  }
}

/** Reads a code; up to 16 bits more are ready. 0: there is none. */
function nextEntry(table: usize, mean: bool): i32 {
  const bits = bitsOfScan()
  fillUp(bits)
  let entry = load<i32>(table + (<usize>(bits.buffer >> (64 - FAST_BITS)) << 2))
  if (entry == 0) entry = longCode(table, <i32>(bits.buffer >> 48), mean)
  takeBits(bits, entry & 31)
  return entry
}

/** How many blocks are at their end: 2 to the power of `size`, and that many bits more. */
function endedBlocks(size: i32): i32 {
  return size == 0 ? 1 : (1 << size) + takeBits(bitsOfScan(), size)
}
