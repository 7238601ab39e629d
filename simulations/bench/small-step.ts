/** @file A whole training step for the engine benchmark: forward, backward, SGD. */
import * as tf from '@tensorflow/tfjs-core'
import { sgdMomentum } from '@tessera/shared/engine'
import { initialWeights } from '@tessera/shared/model'
import { createNetwork, forward, toParams } from '@tessera/shared/model/network'

const CLASSES = 4
const SGD = { learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4 }

/** ms of a cross-entropy step on seeded noise, as `measure` times it. */
export function trainingStepMs(
  { batch, sizePx }: { batch: number; sizePx: number },
  measure: (work: () => void) => number,
): number {
  const network = createNetwork(
    { name: 'efficientnet-b0', widthMultiplier: 0.25, depthMultiplier: 0.34 },
    CLASSES,
  )
  const params = toParams(network.layout, initialWeights(network.layout, 'bench'))
  const names = network.layout.tensors.filter(({ kind }) => kind === 'trainable').map(({ name }) => name)
  const read = (name: string): tf.Tensor => params.get(name) as tf.Tensor
  const images: tf.Tensor4D = tf.randomNormal([batch, sizePx, sizePx, 3], 0, 1, 'float32', 1)
  const labels = tf.tidy(() => {
    const classes = Int32Array.from({ length: batch }, (_, i) => i % CLASSES)
    return tf.oneHot(tf.tensor1d(classes, 'int32'), CLASSES)
  })
  let velocities = names.map((name) => tf.zerosLike(read(name)))

  const loss = (...weights: tf.Tensor[]): tf.Scalar => {
    const moved = new Map(params)
    for (const [i, name] of names.entries()) moved.set(name, weights[i] as tf.Tensor)
    const { logits } = forward(network, moved, images, { training: true })
    return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), 1)))
  }
  const ms = measure(() => {
    const steps = tf.tidy(() => {
      const { value, grads } = tf.valueAndGrads(loss)(names.map(read))
      value.dataSync()
      return names.map((name, i) => {
        return sgdMomentum(read(name), grads[i] as tf.Tensor, velocities[i] as tf.Tensor, SGD)
      })
    })
    tf.dispose([velocities, names.map(read)])
    velocities = steps.map(({ velocity }) => velocity)
    for (const [i, name] of names.entries()) params.set(name, steps[i]?.weight as tf.Tensor)
  })
  tf.dispose([images, labels, velocities, [...params.values()]])
  return ms
}
