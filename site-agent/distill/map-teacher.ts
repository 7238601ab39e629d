/** @file A frozen network of ours that is asked for its feature maps, by its running statistics. */
import type * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '@tessera/shared/errors'
import type { TensorSpec, Weights } from '@tessera/shared/model'
import { type FeatureMaps, forward, type Network } from '@tessera/shared/model/network'
import type { StepInputs } from './methods/method.ts'
import { TEACHER_PREFIX } from './teacher.ts'
import { withoutPrefix, withPrefix } from './tensor-map.ts'

export interface MapTeacher {
  readonly network: Network
  /** Its tensors in the state, and their values at the start. */
  readonly specs: readonly TensorSpec[]
  readonly weights: Weights
  /** What it says of the step's images, logits [B, N]. None of it takes a gradient. */
  answers(images: tf.Tensor4D, inputs: StepInputs): { maps: FeatureMaps; logits: tf.Tensor2D }
}

/** @param weights Of the network's layout. */
export function mapTeacher(network: Network, weights: Weights): MapTeacher {
  return {
    network,
    specs: network.layout.tensors.map((spec) => ({ ...spec, name: `${TEACHER_PREFIX}${spec.name}` })),
    weights: new Map(withPrefix(TEACHER_PREFIX, weights)),
    answers(images, { state }) {
      const params = withoutPrefix(TEACHER_PREFIX, state)
      const { maps, logits } = forward(network, params, images, { training: false, maps: true })
      return { maps: givenMaps(maps), logits }
    },
  }
}

/** The maps of a pass that was asked for them. @throws {TesseraError} ERR_INTERNAL if it was not. */
export function givenMaps(maps: FeatureMaps | null): FeatureMaps {
  if (maps) return maps
  throw new TesseraError('ERR_INTERNAL', 'internal: pass must give its feature maps, got none')
}
