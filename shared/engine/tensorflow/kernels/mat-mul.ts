/**
 * @file BatchMatMul of two matrices as MatMul: the batched op of TensorFlow takes another way, and a graph's rewrites know only MatMul.
 */
import * as tf from '@tensorflow/tfjs-core'
import { type Ops, registerKernel } from './register.ts'

export function registerMatMul(ops: Ops): void {
  registerKernel<'a' | 'b', tf.BatchMatMulAttrs>(
    tf.BatchMatMul,
    ({ a, b }, { transposeA, transposeB }) => ops.matMul(a, b, transposeA, transposeB),
    ({ a, b }) =>
      a.shape.length === 2 && b.shape.length === 2 && a.dtype === 'float32' && b.dtype === 'float32',
  )
}
