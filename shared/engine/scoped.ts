import * as tf from '@tensorflow/tfjs-core'

/** Runs `use` and frees every tensor it made and did not keep, also when it throws. As tf.tidy, but the result is not searched for tensors. */
export function scoped<T>(use: () => T): T {
  const engine = tf.engine()
  engine.startScope()
  try {
    return use()
  } finally {
    engine.endScope()
  }
}
