/** log Σ e^x of each row, but for the logarithm, and its gradient. A task is `part` rows; `constants` as in activations.ts. */
import { exponential } from './activations'
import { storeLanes } from './vector'

/** For each row of x [rows, columns], its largest element to `largest` and Σ e^(x - largest) to `sums`. */
export function logSumExp(
  task: i32,
  lane: i32,
  part: i32,
  x: usize,
  largest: usize,
  sums: usize,
  rows: i32,
  columns: i32,
  constants: usize,
): void {
  const end = min(rows, (task + 1) * part)
  for (let r = task * part; r < end; r++) {
    const from = x + (<usize>(r * columns) << 2)
    const last = from + (<usize>columns << 2)
    const vectors = from + (<usize>(columns & ~3) << 2)
    let most = f32x4.splat(f32.load(from))
    let at = from
    for (; at < vectors; at += 16) most = f32x4.pmax(most, v128.load(at))
    let top = max(max(lane4(most, 0), lane4(most, 1)), max(lane4(most, 2), lane4(most, 3)))
    for (; at < last; at += 4) top = max(top, f32.load(at))
    const centre = f32x4.splat(top)
    let sum = f32x4.splat(0)
    at = from
    for (; at < vectors; at += 16) sum = f32x4.add(sum, exponential(f32x4.sub(v128.load(at), centre), constants))
    let total: f32 = lane4(sum, 0) + lane4(sum, 1) + (lane4(sum, 2) + lane4(sum, 3))
    for (; at < last; at += 4) total += lane4(exponential(f32x4.splat(f32.load(at) - top), constants), 0)
    f32.store(largest + (<usize>r << 2), top)
    f32.store(sums + (<usize>r << 2), total)
  }
}

/** A lane by its number, 0 to 3. */
// @ts-ignore: decorator
@inline
function lane4(x: v128, i: u8): f32 {
  if (i == 0) return f32x4.extract_lane(x, 0)
  if (i == 1) return f32x4.extract_lane(x, 1)
  if (i == 2) return f32x4.extract_lane(x, 2)
  return f32x4.extract_lane(x, 3)
}

/** dx = dy · e^(x - y), with y and dy [rows] and x and dx [rows, columns]. */
export function logSumExpGradient(
  task: i32,
  lane: i32,
  part: i32,
  x: usize,
  y: usize,
  dy: usize,
  dx: usize,
  rows: i32,
  columns: i32,
  constants: usize,
): void {
  const end = min(rows, (task + 1) * part)
  for (let r = task * part; r < end; r++) {
    const row = <usize>(r * columns) << 2
    const centre = f32x4.splat(f32.load(y + (<usize>r << 2)))
    const by = f32x4.splat(f32.load(dy + (<usize>r << 2)))
    for (let c: i32 = 0; c < columns; c += 4) {
      const at = row + (<usize>c << 2)
      const e = exponential(f32x4.sub(v128.load(x + at), centre), constants)
      storeLanes(dx + at, f32x4.mul(e, by), columns - c)
    }
  }
}
