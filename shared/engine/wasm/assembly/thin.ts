/**
 * Products with few rows on the left: a batch of features times a large matrix. The large one is read once; packing it whole
 * first would move it three times.
 */
import { rectangle } from './gemm'
import { packPanels } from './pack'
import { multiplyAdd } from './vector'

/** Rows of B walked for all rows of A before the next: with 128 columns 32 KiB, the first-level cache. */
const BLOCK: i32 = 64

/** C [m, n] = A [m, k] · Bᵀ with B [n, k]. Task t does `columns` columns of C. */
export function thinTransposed(
  task: i32,
  lane: i32,
  columns: i32,
  a: usize,
  b: usize,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
): void {
  const row = <usize>k << 2
  const end = min(n, (task + 1) * columns)
  for (let j = task * columns; j < end; j += 2) {
    // A lone last column is done twice rather than read past.
    const next: usize = j + 1 < end ? row : 0
    const bRow = b + <usize>j * row
    let i: i32 = 0
    for (; i + 4 <= m; i += 4) dots4(a + <usize>i * row, bRow, next, c + (<usize>(i * n + j) << 2), n, k)
    for (; i < m; i++) dots1(a + <usize>i * row, bRow, next, c + (<usize>(i * n + j) << 2), k)
  }
}

/** Four rows of A with two rows of B. */
function dots4(a: usize, b: usize, next: usize, c: usize, n: i32, k: i32): void {
  const row = <usize>k << 2
  let a1 = a + row
  let a2 = a1 + row
  let a3 = a2 + row
  let b1 = b + next
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  const end = a + (<usize>(k & ~3) << 2)
  for (; a < end; a += 16, a1 += 16, a2 += 16, a3 += 16, b += 16, b1 += 16) {
    const x = v128.load(b)
    const y = v128.load(b1)
    let v = v128.load(a)
    c00 = multiplyAdd(c00, v, x)
    c01 = multiplyAdd(c01, v, y)
    v = v128.load(a1)
    c10 = multiplyAdd(c10, v, x)
    c11 = multiplyAdd(c11, v, y)
    v = v128.load(a2)
    c20 = multiplyAdd(c20, v, x)
    c21 = multiplyAdd(c21, v, y)
    v = v128.load(a3)
    c30 = multiplyAdd(c30, v, x)
    c31 = multiplyAdd(c31, v, y)
  }
  const rest = k & 3
  const step = <usize>n << 2
  const second: usize = next == 0 ? 0 : 4
  // The second column first: where it is the first again, both stores are equal.
  f32.store(c + second, total(c01) + tail(a, b1, rest))
  f32.store(c, total(c00) + tail(a, b, rest))
  f32.store(c + step + second, total(c11) + tail(a1, b1, rest))
  f32.store(c + step, total(c10) + tail(a1, b, rest))
  f32.store(c + 2 * step + second, total(c21) + tail(a2, b1, rest))
  f32.store(c + 2 * step, total(c20) + tail(a2, b, rest))
  f32.store(c + 3 * step + second, total(c31) + tail(a3, b1, rest))
  f32.store(c + 3 * step, total(c30) + tail(a3, b, rest))
}

function dots1(a: usize, b: usize, next: usize, c: usize, k: i32): void {
  let b1 = b + next
  let c0 = f32x4.splat(0)
  let c1 = f32x4.splat(0)
  const end = a + (<usize>(k & ~3) << 2)
  for (; a < end; a += 16, b += 16, b1 += 16) {
    const v = v128.load(a)
    c0 = multiplyAdd(c0, v, v128.load(b))
    c1 = multiplyAdd(c1, v, v128.load(b1))
  }
  const rest = k & 3
  f32.store(c + (next == 0 ? 0 : 4), total(c1) + tail(a, b1, rest))
  f32.store(c, total(c0) + tail(a, b, rest))
}

/** Sum of the four lanes. */
// @ts-ignore: decorator
@inline
function total(x: v128): f32 {
  const even = f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 2)
  return even + (f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 3))
}

function tail(a: usize, b: usize, count: i32): f32 {
  let sum: f32 = 0
  for (let i: usize = 0; i < <usize>count << 2; i += 4) sum += f32.load(a + i) * f32.load(b + i)
  return sum
}

/**
 * C [m, n] = A [m, k] · B [k, n]. Task t does `columns` columns of C, a multiple of 8. B is packed block by block, 64 rows of the
 * task's columns to the thread's piece of `scratch`, `scratchBytes` long: read where it lies, its rows would fall on the same
 * sets of the cache.
 */
export function thin(
  task: i32,
  lane: i32,
  columns: i32,
  scratchBytes: i32,
  a: usize,
  b: usize,
  c: usize,
  scratch: usize,
  m: i32,
  n: i32,
  k: i32,
): void {
  const packed = scratch + <usize>lane * <usize>scratchBytes
  const j0 = task * columns
  const j1 = min(n, j0 + columns)
  for (let k0: i32 = 0; k0 < k; k0 += BLOCK) {
    const count = min(BLOCK, k - k0)
    const from = b + (<usize>(k0 * n + j0) << 2)
    packPanels(0, lane, columns, from, packed, count, j1 - j0, n, 1)
    // Columns are counted from the first of C, panels from the first of the task.
    const panels = packed - (<usize>(j0 * count) << 2)
    rectangle(a + (<usize>k0 << 2), panels, c, 0, m, j0, j1, n, count, k, k0 > 0)
  }
}
