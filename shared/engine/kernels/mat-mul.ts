/**
 * @file BatchMatMul in all four transpositions. The stock kernel has a fast path only without any.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'
import { multipleOf, PRODUCTS, SUMS, tasksOf, unitsOf } from './partition.ts'

/** One factor: its address, and its rows and columns as stored. */
export interface Matrix {
  at: number
  rows: number
  columns: number
}

/** Rows on the left up to which the right factor is read where it lies: packing it would cost more than it saves. */
const THIN_ROWS = 32
/** Rows of the right factor packed at a time (BLOCK of assembly/thin.ts). */
const THIN_BLOCK = 64
/** A transposed product of up to so many elements is summed in parts: the parts of a larger one would not fit the caches. */
const PARTED_ELEMENTS = 65_536
/** Parts of a sum. */
const PARTS = 8

/** Floats of the packed panels of a k × n matrix: the columns are padded to a multiple of eight. */
export function packedFloats(k: number, n: number): number {
  return k * Math.ceil(n / 8) * 8
}

/** Writes the panels of op(b), k × n, to `packed`. */
export function pack({ run }: Heap, b: Matrix, packed: number, transposeB: boolean): void {
  const [k, n] = transposeB ? [b.columns, b.rows] : [b.rows, b.columns]
  const [rowStride, columnStride] = transposeB ? [1, b.columns] : [b.columns, 1]
  const panels = unitsOf(SUMS, 8 * k)
  run('packPanels', tasksOf(n, 8 * panels), panels, b.at, packed, k, n, rowStride, columnStride)
}

/** Writes op(a) · op(b) to `c`, where op transposes or does not. Uses the heap's scratch. */
export function multiply(
  heap: Heap,
  a: Matrix,
  b: Matrix,
  c: number,
  transposeA: boolean,
  transposeB: boolean,
): void {
  const { run, kernels } = heap
  const m = transposeA ? a.columns : a.rows
  const k = transposeA ? a.rows : a.columns
  const n = transposeB ? b.rows : b.columns
  if (!transposeA && m <= THIN_ROWS) {
    const columns = Math.min(128, multipleOf(8, PRODUCTS / Math.max(1, m * k)))
    if (transposeB) run('thinTransposed', tasksOf(n, columns), columns, a.at, b.at, c, m, n, k)
    else {
      const bytes = 4 * THIN_BLOCK * columns
      const room = heap.scratch((heap.threads * bytes) / 4)
      run('thin', tasksOf(n, columns), columns, bytes, a.at, b.at, c, room, m, n, k)
    }
    return
  }
  const packed = heap.scratch(packedFloats(k, n) + (transposeA ? m * k : 0))
  pack(heap, b, packed, transposeB)
  let left = a.at
  if (transposeA) {
    left = packed + 4 * packedFloats(k, n)
    kernels.transpose(a.at, left, a.rows, a.columns)
  }
  const rows = multipleOf(4, Math.max(32, PRODUCTS / Math.max(1, n * k)))
  const columns = multipleOf(8, Math.max(64, PRODUCTS / Math.max(1, rows * k)))
  run('gemm', tasksOf(m, rows) * tasksOf(n, columns), rows, columns, left, packed, c, m, n, k, k, 0)
}

/** Adds aᵀ · b to `c`: rows are long, the product is small. Uses the heap's scratch. */
export function addTransposedProduct(heap: Heap, a: Matrix, b: Matrix, c: number): void {
  const { run } = heap
  const [m, i, j] = [a.rows, a.columns, b.columns]
  const wanted = Math.ceil((m * i * j) / PRODUCTS)
  if (i * j > PARTED_ELEMENTS || m < 8 * PARTS || wanted < 2) {
    const group = wanted < 2 ? i : multipleOf(16, i / Math.min(wanted, 2 * PARTS))
    run('gemmTransposedA', tasksOf(i, group), Math.max(1, m), group, a.at, b.at, c, m, i, j)
    return
  }
  const rows = multipleOf(8, m / Math.min(PARTS, wanted))
  const parts = tasksOf(m, rows)
  const sums = heap.scratch(parts * i * j + 4)
  run('gemmTransposedA', parts, rows, i, a.at, b.at, sums, m, i, j)
  run('sumParts', tasksOf(i * j, SUMS / PARTS), SUMS / PARTS, sums, c, parts, i * j, i * j, 1)
}

function batchOf(tensor: tf.TensorInfo): number {
  return tf.util.sizeFromShape(tensor.shape.slice(0, -2))
}

function matrixOf(heap: Heap, tensor: tf.TensorInfo): Matrix {
  const [rows = 1, columns = 1] = tensor.shape.slice(-2)
  return { at: heap.address(tensor), rows, columns }
}

export function registerMatMul(heap: Heap): void {
  registerKernel<'a' | 'b', tf.BatchMatMulAttrs>(
    tf.BatchMatMul,
    ({ a, b }, { transposeA, transposeB }) => {
      const left = matrixOf(heap, a)
      const right = matrixOf(heap, b)
      const m = transposeA ? left.columns : left.rows
      const n = transposeB ? right.rows : right.columns
      const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
      const out = heap.output([...batch, m, n])
      const straight = transposeA && !transposeB
      if (straight) heap.clear(out)
      const c = heap.address(out)
      const aStep = batchOf(a) === 1 ? 0 : 4 * left.rows * left.columns
      const bStep = batchOf(b) === 1 ? 0 : 4 * right.rows * right.columns
      for (let i = 0; i < tf.util.sizeFromShape(batch); i++) {
        const aPart = { ...left, at: left.at + i * aStep }
        const bPart = { ...right, at: right.at + i * bStep }
        const cPart = c + 4 * i * m * n
        if (straight) addTransposedProduct(heap, aPart, bPart, cPart)
        else multiply(heap, aPart, bPart, cPart, transposeA, transposeB)
      }
      return out
    },
    // Where both have several matrices, but not equally many, an index would have to be mapped: left to the stock kernel.
    ({ a, b }) =>
      a.dtype === 'float32' &&
      b.dtype === 'float32' &&
      (batchOf(a) === batchOf(b) || batchOf(a) === 1 || batchOf(b) === 1),
  )
}
