/**
 * @file BatchMatMul in all four transpositions. The stock kernel has a fast path only without any.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Heap, registerKernel } from './heap.ts'

/** One factor: its address, and its rows and columns as stored. */
export interface Matrix {
  at: number
  rows: number
  columns: number
}

/** Floats of the packed panels of a k × n matrix: the columns are padded to a multiple of eight. */
function packedFloats(k: number, n: number): number {
  return k * Math.ceil(n / 8) * 8
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
  const { kernels } = heap
  const m = transposeA ? a.columns : a.rows
  const k = transposeA ? a.rows : a.columns
  const n = transposeB ? b.rows : b.columns
  const [rowStride, columnStride] = transposeB ? [1, b.columns] : [b.columns, 1]
  const packed = heap.scratch(packedFloats(k, n) + (transposeA ? m * k : 0))
  kernels.packPanels(b.at, packed, k, n, rowStride, columnStride)
  if (!transposeA) {
    kernels.gemm(a.at, packed, c, m, n, k, k, 0)
    return
  }
  const turned = packed + 4 * packedFloats(k, n)
  kernels.transpose(a.at, turned, a.rows, a.columns)
  kernels.gemm(turned, packed, c, m, n, k, k, 0)
}

/** Writes aᵀ · b to `c`, which must hold zeros: rows are long, the product is small. */
export function addTransposedProduct(heap: Heap, a: Matrix, b: Matrix, c: number): void {
  heap.kernels.gemmTransposedA(a.at, b.at, c, a.rows, a.columns, b.columns)
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
