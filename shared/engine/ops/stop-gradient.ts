import * as tf from '@tensorflow/tfjs-core'

/** Returns x itself, as a value that no gradient flows through. */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  const identity = tf.customGrad((x: tf.Tensor | tf.GradSaveFunc) => ({
    value: (x as T).clone(),
    gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
  }))
  return identity(x) as T
}
