import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'

/** Returns the mean over height and width: `x` [B, H, W, C] gives [B, C]. */
export function globalAveragePool(x: tf.Tensor4D): tf.Tensor2D {
  if (!hasKernel(OWN.averagePool)) return tf.mean(x, [1, 2])
  const [y] = runKernel(OWN.averagePool, { x })
  return y as tf.Tensor2D
}

tf.registerGradient({
  kernelName: OWN.averagePool,
  inputsToSave: ['x'],
  gradFunc: (dy, [x]) => ({
    x: () => {
      const { shape } = x as tf.Tensor
      return runKernel(OWN.averagePoolGradient, { dy: dy as tf.Tensor }, { shape })[0] as tf.Tensor
    },
  }),
})
