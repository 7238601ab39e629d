/**
 * Matrix products: 4 x 8 tiles of the result are held in registers while the inner dimension runs. A task is a rectangle of
 * the result, so that no element depends on how the rectangles are handed out.
 */
import { multiplyAdd, storeLanes } from './vector'

/** Columns of a packed panel: two vectors, which with four rows make eight accumulators, half of the sixteen registers. */
const PANEL: i32 = 8
/** Floats of packed panels walked for each group of rows: 256 KiB, a part of the second-level cache. */
const PANEL_FLOATS: i32 = 65536

/**
 * C [m, n] = A [m, k] · B, or C += A · B; `packed` holds B (see packPanels), `lda` is the row stride of A in floats. Task t
 * writes `rows` x `columns` elements, rectangle t of C counted row by row; `rows` is a multiple of 4, `columns` of 8.
 */
export function gemm(
  task: i32,
  lane: i32,
  rows: i32,
  columns: i32,
  a: usize,
  packed: usize,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  lda: i32,
  accumulate: bool,
): void {
  const across = (n + columns - 1) / columns
  const i0 = (task / across) * rows
  const j0 = (task % across) * columns
  rectangle(a, packed, c, i0, min(m, i0 + rows), j0, min(n, j0 + columns), n, k, lda, accumulate)
}

/** Rows [i0, i1) and columns [j0, j1) of C; `j0` is a multiple of 8. */
export function rectangle(
  a: usize,
  packed: usize,
  c: usize,
  i0: i32,
  i1: i32,
  j0: i32,
  j1: i32,
  n: i32,
  k: i32,
  lda: i32,
  accumulate: bool,
): void {
  const group = max(PANEL, (PANEL_FLOATS / max(k, 1)) & ~(PANEL - 1))
  for (let g0 = j0; g0 < j1; g0 += group) {
    const g1 = min(j1, g0 + group)
    let i = i0
    for (; i + 4 <= i1; i += 4) {
      const from = a + (<usize>(i * lda) << 2)
      for (let j = g0; j < g1; j += PANEL) {
        const to = c + (<usize>(i * n + j) << 2)
        rows4(from, packed + (<usize>(j * k) << 2), to, n - j, n, k, lda, accumulate)
      }
    }
    for (; i < i1; i++) {
      const from = a + (<usize>(i * lda) << 2)
      for (let j = g0; j < g1; j += PANEL) {
        rows1(from, packed + (<usize>(j * k) << 2), c + (<usize>(i * n + j) << 2), n - j, k, accumulate)
      }
    }
  }
}

function rows4(a: usize, b: usize, c: usize, width: i32, n: i32, k: i32, lda: i32, accumulate: bool): void {
  const stride = <usize>lda << 2
  let a1 = a + stride
  let a2 = a1 + stride
  let a3 = a2 + stride
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  const end = a + (<usize>k << 2)
  const paired = a + (<usize>(k & ~1) << 2)
  // Two terms a turn: the addresses are reckoned half as often.
  for (; a < paired; a += 8, a1 += 8, a2 += 8, a3 += 8, b += 64) {
    let b0 = v128.load(b)
    let b1 = v128.load(b, 16)
    let v = v128.load32_splat(a)
    c00 = multiplyAdd(c00, v, b0)
    c01 = multiplyAdd(c01, v, b1)
    v = v128.load32_splat(a1)
    c10 = multiplyAdd(c10, v, b0)
    c11 = multiplyAdd(c11, v, b1)
    v = v128.load32_splat(a2)
    c20 = multiplyAdd(c20, v, b0)
    c21 = multiplyAdd(c21, v, b1)
    v = v128.load32_splat(a3)
    c30 = multiplyAdd(c30, v, b0)
    c31 = multiplyAdd(c31, v, b1)
    b0 = v128.load(b, 32)
    b1 = v128.load(b, 48)
    v = v128.load32_splat(a, 4)
    c00 = multiplyAdd(c00, v, b0)
    c01 = multiplyAdd(c01, v, b1)
    v = v128.load32_splat(a1, 4)
    c10 = multiplyAdd(c10, v, b0)
    c11 = multiplyAdd(c11, v, b1)
    v = v128.load32_splat(a2, 4)
    c20 = multiplyAdd(c20, v, b0)
    c21 = multiplyAdd(c21, v, b1)
    v = v128.load32_splat(a3, 4)
    c30 = multiplyAdd(c30, v, b0)
    c31 = multiplyAdd(c31, v, b1)
  }
  if (a < end) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let v = v128.load32_splat(a)
    c00 = multiplyAdd(c00, v, b0)
    c01 = multiplyAdd(c01, v, b1)
    v = v128.load32_splat(a1)
    c10 = multiplyAdd(c10, v, b0)
    c11 = multiplyAdd(c11, v, b1)
    v = v128.load32_splat(a2)
    c20 = multiplyAdd(c20, v, b0)
    c21 = multiplyAdd(c21, v, b1)
    v = v128.load32_splat(a3)
    c30 = multiplyAdd(c30, v, b0)
    c31 = multiplyAdd(c31, v, b1)
  }
  const row = <usize>n << 2
  storeTile(c, c00, c01, width, accumulate)
  storeTile(c + row, c10, c11, width, accumulate)
  storeTile(c + 2 * row, c20, c21, width, accumulate)
  storeTile(c + 3 * row, c30, c31, width, accumulate)
}

function rows1(a: usize, b: usize, c: usize, width: i32, k: i32, accumulate: bool): void {
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  const end = a + (<usize>k << 2)
  for (; a < end; a += 4, b += 32) {
    const v = v128.load32_splat(a)
    c0 = multiplyAdd(c0, v, v128.load(b))
    c1 = multiplyAdd(c1, v, v128.load(b, 16))
  }
  storeTile(c, c0, c1, width, accumulate)
}

/** Stores, or adds to what is there, the first `width` of eight columns. */
// @ts-ignore: decorator
@inline
export function storeTile(to: usize, low: v128, high: v128, width: i32, accumulate: bool): void {
  storeLanes(to, accumulate ? f32x4.add(low, v128.load(to)) : low, width)
  if (width > 4) storeLanes(to + 16, accumulate ? f32x4.add(high, v128.load(to, 16)) : high, width - 4)
}
