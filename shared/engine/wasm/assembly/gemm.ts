/** Matrix products: 4 x 8 tiles of the result are held in registers while the inner dimension runs. */
import { multiplyAdd, storeLanes } from './vector'

/** Columns of a packed panel: two vectors, which with four rows make eight accumulators, half of the sixteen registers. */
const PANEL: i32 = 8
/** Floats of packed panels walked for each group of rows: 256 KiB, a part of the second-level cache. */
const PANEL_FLOATS: i32 = 65536

/**
 * Copies B into panels of eight columns, each [k, 8] and padded with zeros: element (i, j) of the k x n matrix is read at
 * b + 4 (i * rowStride + j * columnStride), so that one function serves B and its transpose.
 */
export function packPanels(b: usize, packed: usize, k: i32, n: i32, rowStride: i32, columnStride: i32): void {
  let to = packed
  for (let j: i32 = 0; j < n; j += PANEL) {
    const width = min(PANEL, n - j)
    if (columnStride == 1 && width == PANEL) {
      for (let i: i32 = 0; i < k; i++, to += PANEL << 2) {
        const from = b + (<usize>(i * rowStride + j) << 2)
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      }
    } else {
      for (let c: i32 = 0; c < PANEL; c++) {
        let from = b + (<usize>((j + c) * columnStride) << 2)
        let slot = to + (<usize>c << 2)
        for (let i: i32 = 0; i < k; i++, from += <usize>rowStride << 2, slot += PANEL << 2) {
          f32.store(slot, c < width ? f32.load(from) : 0)
        }
      }
      to += <usize>(k * PANEL) << 2
    }
  }
}

/** C [m, n] = A [m, k] · B, or C += A · B; `packed` holds B (see packPanels), `lda` is the row stride of A in floats. */
export function gemm(
  a: usize,
  packed: usize,
  c: usize,
  m: i32,
  n: i32,
  k: i32,
  lda: i32,
  accumulate: bool,
): void {
  const group = max(PANEL, (PANEL_FLOATS / max(k, 1)) & ~(PANEL - 1))
  for (let j0: i32 = 0; j0 < n; j0 += group) {
    const j1 = min(n, j0 + group)
    let i: i32 = 0
    for (; i + 4 <= m; i += 4) {
      for (let j = j0; j < j1; j += PANEL) {
        rows4(
          a + (<usize>(i * lda) << 2),
          packed + (<usize>(j * k) << 2),
          c + (<usize>(i * n + j) << 2),
          n - j,
          n,
          k,
          lda,
          accumulate,
        )
      }
    }
    for (; i < m; i++) {
      for (let j = j0; j < j1; j += PANEL) {
        rows1(
          a + (<usize>(i * lda) << 2),
          packed + (<usize>(j * k) << 2),
          c + (<usize>(i * n + j) << 2),
          n - j,
          k,
          accumulate,
        )
      }
    }
  }
}

function rows4(a: usize, b: usize, c: usize, width: i32, n: i32, k: i32, lda: i32, accumulate: bool): void {
  const stride = <usize>lda << 2
  const a1 = a + stride
  const a2 = a1 + stride
  const a3 = a2 + stride
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  const end = <usize>k << 2
  for (let i: usize = 0; i < end; i += 4, b += 32) {
    const b0 = v128.load(b)
    const b1 = v128.load(b, 16)
    let v = v128.load32_splat(a + i)
    c00 = multiplyAdd(c00, v, b0)
    c01 = multiplyAdd(c01, v, b1)
    v = v128.load32_splat(a1 + i)
    c10 = multiplyAdd(c10, v, b0)
    c11 = multiplyAdd(c11, v, b1)
    v = v128.load32_splat(a2 + i)
    c20 = multiplyAdd(c20, v, b0)
    c21 = multiplyAdd(c21, v, b1)
    v = v128.load32_splat(a3 + i)
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

// @ts-ignore: decorator
@inline
function storeTile(to: usize, low: v128, high: v128, width: i32, accumulate: bool): void {
  storeLanes(to, accumulate ? f32x4.add(low, v128.load(to)) : low, width)
  if (width > 4) storeLanes(to + 16, accumulate ? f32x4.add(high, v128.load(to, 16)) : high, width - 4)
}

/** C [i, j] += Aᵀ · B with A [m, i] and B [m, j]: a filter gradient, where m (pixels) is long and C is small. */
export function gemmTransposedA(a: usize, b: usize, c: usize, m: i32, i: i32, j: i32): void {
  // 128 KiB of A and B are walked for all tiles of C before the next rows come in.
  const block = max(16, 32768 / (i + j))
  for (let m0: i32 = 0; m0 < m; m0 += block) {
    const rows = min(block, m - m0)
    const aBlock = a + (<usize>(m0 * i) << 2)
    const bBlock = b + (<usize>(m0 * j) << 2)
    let r: i32 = 0
    for (; r + 4 <= i; r += 4) {
      for (let s: i32 = 0; s < j; s += PANEL) {
        outer4(aBlock + (<usize>r << 2), bBlock + (<usize>s << 2), c + (<usize>(r * j + s) << 2), rows, i, j, j - s)
      }
    }
    for (; r < i; r++) {
      for (let s: i32 = 0; s < j; s += PANEL) {
        outer1(aBlock + (<usize>r << 2), bBlock + (<usize>s << 2), c + (<usize>(r * j + s) << 2), rows, i, j, j - s)
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

/** to [columns, rows] = from [rows, columns] transposed. */
export function transpose(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let r0: i32 = 0; r0 < rows; r0 += 8) {
    const r1 = min(rows, r0 + 8)
    for (let c: i32 = 0; c < columns; c++) {
      for (let r = r0; r < r1; r++) {
        f32.store(to + (<usize>(c * rows + r) << 2), f32.load(from + (<usize>(r * columns + c) << 2)))
      }
    }
  }
}
