/** Order statistics: the rows of sixteen coordinates are sorted by a network of comparisons, all coordinates alike and without a branch. */

/** Bytes of sixteen values: a cache line. */
const LINE: usize = 64

/**
 * y [count] = mean of what is left of each coordinate's `rowCount` values without the `trim` smallest and the `trim` largest; summed from the
 * smallest up in float64, rounded to float32.
 * @param network Pairs of byte offsets into `lines`, `pairs` of them: a sorting network of `rowCount` lines.
 * @param lines Room for a line a row.
 */
export function trimmedMean(
  rows: usize,
  stride: usize,
  rowCount: i32,
  network: usize,
  pairs: i32,
  lines: usize,
  trim: i32,
  y: usize,
  count: i32,
): void {
  const kept = f64x2.splat(<f64>(rowCount - 2 * trim))
  const zero = f32x4.splat(0)
  const first = lines + <usize>trim * LINE
  const end = lines + <usize>(rowCount - trim) * LINE
  const networkEnd = network + ((<usize>pairs) << 3)
  for (let i: i32 = 0; i < count; i += 16, rows += LINE, y += LINE) {
    let from = rows
    let to = lines
    for (let r: i32 = 0; r < rowCount; r++, from += stride, to += LINE) {
      // Plus 0: −0 becomes 0, so that equal values are equal bits.
      v128.store(to, f32x4.add(v128.load(from), zero))
      v128.store(to, f32x4.add(v128.load(from, 16), zero), 16)
      v128.store(to, f32x4.add(v128.load(from, 32), zero), 32)
      v128.store(to, f32x4.add(v128.load(from, 48), zero), 48)
    }
    for (let pair = network; pair < networkEnd; pair += 8) {
      order(lines + load<u32>(pair), lines + load<u32>(pair, 4))
    }
    for (let quarter: usize = 0; quarter < LINE; quarter += 16) {
      let low = f64x2.splat(0)
      let high = f64x2.splat(0)
      for (let line = first + quarter; line < end; line += LINE) {
        low = f64x2.add(low, f64x2.promote_low_f32x4(v128.load64_zero(line)))
        high = f64x2.add(high, f64x2.promote_low_f32x4(v128.load64_zero(line, 8)))
      }
      const a = f32x4.demote_f64x2_zero(f64x2.div(low, kept))
      const b = f32x4.demote_f64x2_zero(f64x2.div(high, kept))
      v128.store(y + quarter, v128.shuffle<i64>(a, b, 0, 2))
    }
  }
}

/** The smaller values to the first line, the larger to the second. */
// @ts-ignore: decorator
@inline
function order(smaller: usize, larger: usize): void {
  orderFour(smaller, larger)
  orderFour(smaller + 16, larger + 16)
  orderFour(smaller + 32, larger + 32)
  orderFour(smaller + 48, larger + 48)
}

// @ts-ignore: decorator
@inline
function orderFour(smaller: usize, larger: usize): void {
  const a = v128.load(smaller)
  const b = v128.load(larger)
  // The pseudo forms: one instruction each. They differ from min and max only for NaN and −0, and neither is here.
  v128.store(smaller, f32x4.pmin(a, b))
  v128.store(larger, f32x4.pmax(a, b))
}
