import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'

/** Returns keep · a + (1 − keep) · b, of one shape: a moving average's step. No gradient flows through it. */
export function towards<T extends tf.Tensor>(a: T, b: tf.Tensor, keep: number): T {
  tf.util.assertShapesMatch(b.shape, a.shape, 'towards: ')
  if (hasKernel(OWN.towards)) return runKernel(OWN.towards, { a, b }, { keep })[0] as T
  return tf.tidy(() => tf.add(tf.mul(a, keep), tf.mul(b, 1 - keep)))
}
