import * as tf from '@tensorflow/tfjs-core'
import { hasKernel, OWN, runKernel } from '../kernels/names.ts'

/** Returns log Σⱼ e^xᵢⱼ of each row of finite numbers: `x` [B, K] gives [B, 1]. */
export function logSumExp(x: tf.Tensor2D): tf.Tensor2D {
  if (!hasKernel(OWN.logSumExp)) return tf.logSumExp(x, 1, true)
  const [y] = runKernel(OWN.logSumExp, { x })
  return y as tf.Tensor2D
}

/** dx = dy · e^(x − y): the softmax of the row, computed again rather than kept. */
tf.registerGradient({
  kernelName: OWN.logSumExp,
  inputsToSave: ['x'],
  outputsToSave: [true],
  gradFunc: (dy, [x, y]) => ({
    x: () => {
      const inputs = { x: x as tf.Tensor, y: y as tf.Tensor, dy: dy as tf.Tensor }
      return runKernel(OWN.logSumExpGradient, inputs)[0] as tf.Tensor
    },
  }),
})
