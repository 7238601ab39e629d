/** Aᵀ · B over long columns, as filter gradients need it: tiles of the result over blocks of rows, nothing packed. */
import { storeTile } from './gemm'
import { multiplyAdd } from './vector'

const PANEL: i32 = 8

/**
 * C [i, j] += Aᵀ · B with A [m, i] and B [m, j]. The sum over m is cut into parts of `rows` rows and the rows of C into groups
 * of `group`; task t is part t / groups and group t % groups. With one part the result is added to `c`; with several, part p
 * is written to `c` + 4 p i j and sumParts adds them up.
 */
export function gemmTransposedA(
  task: i32,
  lane: i32,
  rows: i32,
  group: i32,
  a: usize,
  b: usize,
  c: usize,
  m: i32,
  i: i32,
  j: i32,
): void {
  const groups = (i + group - 1) / group
  const part = task / groups
  const r0 = (task % groups) * group
  const r1 = min(i, r0 + group)
  const from = part * rows
  const end = min(m, from + rows)
  if (rows < m) {
    c += <usize>(part * i * j) << 2
    memory.fill(c + (<usize>(r0 * j) << 2), 0, <usize>((r1 - r0) * j) << 2)
  }
  // 128 KiB of A and B are walked for all tiles of C before the next rows come in.
  const block = max(16, 32768 / (r1 - r0 + j))
  for (let m0 = from; m0 < end; m0 += block) {
    const count = min(block, end - m0)
    const aBlock = a + (<usize>(m0 * i) << 2)
    const bBlock = b + (<usize>(m0 * j) << 2)
    let r = r0
    for (; r + 4 <= r1; r += 4) {
      for (let s: i32 = 0; s < j; s += PANEL) {
        outer4(aBlock + (<usize>r << 2), bBlock + (<usize>s << 2), c + (<usize>(r * j + s) << 2), count, i, j, j - s)
      }
    }
    for (; r < r1; r++) {
      for (let s: i32 = 0; s < j; s += PANEL) {
        outer1(aBlock + (<usize>r << 2), bBlock + (<usize>s << 2), c + (<usize>(r * j + s) << 2), count, i, j, j - s)
      }
    }
  }
}

function outer4(a: usize, b: usize, c: usize, rows: i32, i: i32, j: i32, width: i32): void {
  const aStride = <usize>i << 2
  const bStride = <usize>j << 2
  // Where the tile is narrow its second half repeats the first, so that no load runs more than 12 bytes past the end.
  const half: usize = width > 4 ? 16 : 0
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  for (let r: i32 = 0; r < rows; r++, a += aStride, b += bStride) {
    const b0 = v128.load(b)
    const b1 = v128.load(b + half)
    let v = v128.load32_splat(a)
    c00 = multiplyAdd(c00, v, b0)
    c01 = multiplyAdd(c01, v, b1)
    v = v128.load32_splat(a, 4)
    c10 = multiplyAdd(c10, v, b0)
    c11 = multiplyAdd(c11, v, b1)
    v = v128.load32_splat(a, 8)
    c20 = multiplyAdd(c20, v, b0)
    c21 = multiplyAdd(c21, v, b1)
    v = v128.load32_splat(a, 12)
    c30 = multiplyAdd(c30, v, b0)
    c31 = multiplyAdd(c31, v, b1)
  }
  storeTile(c, c00, c01, width, true)
  storeTile(c + bStride, c10, c11, width, true)
  storeTile(c + 2 * bStride, c20, c21, width, true)
  storeTile(c + 3 * bStride, c30, c31, width, true)
}

function outer1(a: usize, b: usize, c: usize, rows: i32, i: i32, j: i32, width: i32): void {
  const half: usize = width > 4 ? 16 : 0
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  for (let r: i32 = 0; r < rows; r++, a += <usize>i << 2, b += <usize>j << 2) {
    const v = v128.load32_splat(a)
    c0 = multiplyAdd(c0, v, v128.load(b))
    c1 = multiplyAdd(c1, v, v128.load(b + half))
  }
  storeTile(c, c0, c1, width, true)
}
