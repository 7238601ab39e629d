import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'

/**
 * Returns x · σ(x) of each element, any shape.
 *
 * Source: Ramachandran, Zoph and Le, 2017, https://arxiv.org/abs/1710.05941
 */
export function swish<T extends tf.Tensor>(x: T): T {
  if (!hasKernel(OWN.swish)) return tf.mul(x, tf.sigmoid(x))
  const [y] = runKernel(OWN.swish, { x })
  return y as T
}

/** d swish = σ(x) (1 + x (1 − σ(x))), from x alone: σ is computed again rather than kept. */
tf.registerGradient({
  kernelName: OWN.swish,
  inputsToSave: ['x'],
  gradFunc: (dy, [x]) => ({
    x: () => runKernel(OWN.swishGradient, { x: x as tf.Tensor, dy: dy as tf.Tensor })[0] as tf.Tensor,
  }),
})
