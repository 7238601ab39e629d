/**
 * @file The teacher of a site: a network that takes no gradient, follows the student by momentum, and gathers its own running statistics.
 *
 * Its logits use running statistics. Its features are those of a pass with the batch's statistics, which also moves the running ones:
 * authors' `helper/loops_moma.py`, `set_bn_train`. Dropout and stochastic depth stay off in both passes, as there.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Weights } from '@tessera/shared/model'
import { forward, type Network, toParams } from '@tessera/shared/model/network'
import { momentumUpdate } from './momentum-update.ts'
import type { NamedTensors } from './tensor-map.ts'
import { replaceTensors } from './tensor-map.ts'

export interface Teacher {
  readonly network: Network
  readonly params: NamedTensors
  /** [B, N], by running statistics. */
  logits(images: tf.Tensor4D): tf.Tensor2D
  /** [B, D], by the batch's statistics. The running statistics move. */
  features(images: tf.Tensor4D): tf.Tensor2D
  /** Moves the tensors of `names` towards the student's of the same names. */
  follow(student: NamedTensors, names: readonly string[], momentum: number): void
  dispose(): void
}

/** @throws {TesseraError} ERR_LAYOUT_MISMATCH if the weights are not the network's. */
export function createTeacher(network: Network, weights: Weights): Teacher {
  const params = toParams(network.layout, weights)
  for (const tensor of params.values()) tf.keep(tensor)
  return {
    network,
    params,
    logits: (images) => tf.tidy(() => forward(network, params, images, { training: false }).logits),
    features(images) {
      const { features, logits, statistics } = forward(network, params, images, { training: true })
      logits.dispose()
      replaceTensors(params, statistics)
      return features
    },
    follow(student, names, momentum) {
      const pairs = names.map((name) => ({ teacher: name, student: name }))
      replaceTensors(params, momentumUpdate(params, student, pairs, momentum))
    },
    dispose: () => tf.dispose([...params.values()]),
  }
}
