/**
 * Huffman codes as tables: the next ten bits say what comes, mostly with its value.
 *
 * An entry of 32 bits, 0 when there is no such code of ten bits or fewer:
 *   bits 0–4 how many bits it takes · 5–8 zeros before the value · 9–12 bits of the value that follow · 13 the value is known ·
 *   16–31 the value, signed
 * Behind the 1024 entries, for codes of 11 to 16 bits: for each length the first code that is longer (32 bits), what to add to a code for the
 * place of its symbol (32 bits), and the symbols (256 bytes).
 *
 * Source: ITU-T T.81, annexes C (codes) and F.2.2 (values).
 */

export const FAST_BITS: i32 = 10
const FAST: usize = 1 << 10
export const KNOWN: i32 = 1 << 13

const LIMITS: usize = FAST * 4
const PLACES: usize = LIMITS + 17 * 4
const SYMBOLS: usize = PLACES + 17 * 4
/** Largest run and size of a symbol: 8-bit pictures have means of 11 bits and coefficients of 10. */
const LARGEST_MEAN: i32 = 11
export const LARGEST_SIZE: i32 = 10

/**
 * Builds the table (4,488 bytes at `table`) of the 16 counts at `counts` and the symbols behind them.
 *
 * @param mean For the blocks' means, whose symbols have no run.
 * @param known Values are looked up with their codes: not where they mean something else, in scans of several passes.
 * @returns False when the counts are no prefix code, or one with a code of ones only, or a mean's symbol is none of an 8-bit picture.
 */
export function buildHuffman(counts: usize, table: usize, mean: bool, known: bool): bool {
  memory.fill(table, 0, SYMBOLS + 256)
  const symbols = counts + 16
  let code: i32 = 0
  let place: i32 = 0
  for (let length: i32 = 1; length <= 16; length++) {
    const count = <i32>load<u8>(counts + length - 1)
    if (place + count > 256) return false
    store<i32>(table + PLACES + (<usize>length << 2), place - code)
    for (let i: i32 = 0; i < count; i++, code++, place++) {
      const symbol = <i32>load<u8>(symbols + place)
      if (mean && symbol > LARGEST_MEAN) return false
      store<u8>(table + SYMBOLS + place, <u8>symbol)
      if (length <= FAST_BITS) fill(table, code, length, symbol, mean, known)
    }
    if (code >= 1 << length && count > 0) return false
    store<i32>(table + LIMITS + (<usize>length << 2), code)
    code <<= 1
  }
  return true
}

/** Every entry that begins with a code. */
function fill(table: usize, code: i32, length: i32, symbol: i32, mean: bool, known: bool): void {
  const entry = entryOf(symbol, length, mean)
  const rest = FAST_BITS - length
  const first = code << rest
  const size = (entry >> 9) & 15
  if (first + (1 << rest) > <i32>FAST) return
  for (let i: i32 = 0; i < 1 << rest; i++) {
    let whole = entry
    // A coefficient without a value is an order: an end, or sixteen zeros.
    if (known && entry != 0 && size <= rest && (size > 0 || mean)) {
      const value = size == 0 ? 0 : extended(i >> (rest - size), size)
      whole = (value << 16) | KNOWN | (entry & 0x1fe0) | (length + size)
    }
    store<i32>(table + (<usize>(first + i) << 2), whole)
  }
}

/** Entry of a symbol without its value; 0 for one that no 8-bit picture has. */
// @ts-ignore: decorator
@inline
function entryOf(symbol: i32, length: i32, mean: bool): i32 {
  const run = symbol >> 4
  const size = symbol & 15
  if (!mean && size > LARGEST_SIZE) return 0
  return (size << 9) | (run << 5) | length
}

/** Entry of a code of 11 to 16 bits; 0 when there is none. @param next The next 16 bits. */
export function longCode(table: usize, next: i32, mean: bool): i32 {
  // A shorter code that has no entry: its symbol is none.
  if (next >> (16 - FAST_BITS) < load<i32>(table + LIMITS + (<usize>FAST_BITS << 2))) return 0
  for (let length: i32 = FAST_BITS + 1; length <= 16; length++) {
    const code = next >> (16 - length)
    if (code < load<i32>(table + LIMITS + (<usize>length << 2))) {
      const place = code + load<i32>(table + PLACES + (<usize>length << 2))
      if (place < 0 || place > 255) return 0
      return entryOf(<i32>load<u8>(table + SYMBOLS + <usize>place), length, mean)
    }
  }
  return 0
}

/** Value of `size` bits, 1 to 15: those that begin with 0 are negative. */
// @ts-ignore: decorator
@inline
export function extended(bits: i32, size: i32): i32 {
  return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits
}
