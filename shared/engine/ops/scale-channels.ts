import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'

/** Returns x · s: each channel of `x` [B, H, W, C] by its image's factor in `s` [B, 1, 1, C] (squeeze and excitation). */
export function scaleChannels(x: tf.Tensor4D, s: tf.Tensor4D): tf.Tensor4D {
  if (!hasKernel(OWN.scaleChannels)) return tf.mul(x, s)
  tf.util.assertShapesMatch(s.shape, [x.shape[0], 1, 1, x.shape[3]], 'scaleChannels, factors: ')
  const [y] = runKernel(OWN.scaleChannels, { x, s })
  return y as tf.Tensor4D
}

/** dx = dy · s and ds = Σ over the pixels of dy · x, in one pass. */
tf.registerGradient({
  kernelName: OWN.scaleChannels,
  inputsToSave: ['x', 's'],
  gradFunc: (dy, [x, s]) => {
    const inputs = { x: x as tf.Tensor, s: s as tf.Tensor, dy: dy as tf.Tensor }
    const [dx, ds] = runKernel(OWN.scaleChannelsGradient, inputs)
    return { x: () => dx as tf.Tensor, s: () => ds as tf.Tensor }
  },
})
