/** Matrices laid out anew for a product: panels of eight columns, and the transpose. */

const PANEL: i32 = 8

/**
 * Copies B into panels of eight columns, each [k, 8] and padded with zeros: element (i, j) of the k x n matrix is read at
 * b + 4 (i * rowStride + j * columnStride), so that one function serves B and its transpose. Task t does `panels` of them.
 */
export function packPanels(
  task: i32,
  lane: i32,
  panels: i32,
  b: usize,
  packed: usize,
  k: i32,
  n: i32,
  rowStride: i32,
  columnStride: i32,
): void {
  const first = task * panels * PANEL
  const end = min(n, first + panels * PANEL)
  let to = packed + (<usize>(first * k) << 2)
  for (let j = first; j < end; j += PANEL, to += <usize>(k * PANEL) << 2) {
    const width = min(PANEL, n - j)
    const from = b + (<usize>(j * columnStride) << 2)
    if (width < PANEL) packSome(from, to, k, width, rowStride, columnStride)
    else if (columnStride == 1) packRows(from, to, k, <usize>rowStride << 2)
    else if (rowStride == 1) packColumns(from, to, k, <usize>columnStride << 2)
    else packSome(from, to, k, width, rowStride, columnStride)
  }
}

/** Eight neighbours in each row. */
function packRows(from: usize, to: usize, k: i32, stride: usize): void {
  for (let i: i32 = 0; i < k; i++, from += stride, to += 32) {
    v128.store(to, v128.load(from))
    v128.store(to, v128.load(from, 16), 16)
  }
}

/** Eight columns, each in one piece: 4 x 4 at a time, turned in registers. */
function packColumns(from: usize, to: usize, k: i32, stride: usize): void {
  let i: i32 = 0
  for (; i + 4 <= k; i += 4, from += 16, to += 128) {
    turn(from, stride, to)
    turn(from + 4 * stride, stride, to + 16)
  }
  for (; i < k; i++, from += 4, to += 32) {
    for (let c: usize = 0; c < 8; c++) f32.store(to + (c << 2), f32.load(from + c * stride))
  }
}

/** Writes the transpose of a 4 x 4 block; its rows lie 32 bytes apart. */
// @ts-ignore: decorator
@inline
function turn(from: usize, stride: usize, to: usize): void {
  const a = v128.load(from)
  const b = v128.load(from + stride)
  const c = v128.load(from + 2 * stride)
  const d = v128.load(from + 3 * stride)
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5))
  v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 32)
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5), 64)
  v128.store(to, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7), 96)
}

function packSome(from: usize, to: usize, k: i32, width: i32, rowStride: i32, columnStride: i32): void {
  for (let c: i32 = 0; c < PANEL; c++) {
    let at = from + (<usize>(c * columnStride) << 2)
    let slot = to + (<usize>c << 2)
    for (let i: i32 = 0; i < k; i++, at += <usize>rowStride << 2, slot += PANEL << 2) {
      f32.store(slot, c < width ? f32.load(at) : 0)
    }
  }
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
