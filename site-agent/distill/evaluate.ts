/** @file Predicts a set of tiles with a student or a teacher: eval mode, no augmentation, the files' own order. */
import * as tf from '@tensorflow/tfjs-core'
import { createStepper as engineStepper } from '@tessera/shared/engine'
import { TesseraError } from '@tessera/shared/errors'
import { type ConfusionMatrix, confusionMatrix } from '@tessera/shared/metrics'
import type { Architecture, Weights } from '@tessera/shared/model'
import { createNetwork, forward, toValues } from '@tessera/shared/model/network'
import { tensorOf } from './tensor-map.ts'
import type { TileSource } from './tiles.ts'
import type { StepperFactory } from './training.ts'

export interface EvaluateOptions {
  readonly architecture: Architecture
  /** Number of classes of the model. */
  readonly classes: number
  /** Of the backbone and its classifier; a student's head and attention may be there and are passed over. */
  readonly weights: Weights
  readonly tiles: TileSource
  readonly batchSize: number
  /** Stops between two batches. */
  readonly signal?: AbortSignal | undefined
  /** Of who judges one model on many sets: a recording serves all of them. Default: the engine's. */
  readonly createStepper?: StepperFactory | undefined
}

export interface Evaluation {
  /** Class index of each tile, in the order of the tiles. */
  readonly truth: Int32Array
  readonly predicted: Int32Array
  /** [tiles, classes]: softmax of the logits. */
  readonly probabilities: Float32Array
  readonly matrix: ConfusionMatrix
}

/**
 * Returns what the model predicts. Start the engine first.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if the weights are not the architecture's; ERR_INTERRUPTED if stopped.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { architecture, classes, weights, tiles, batchSize, signal, createStepper = engineStepper } = options
  const network = createNetwork(architecture, classes)
  const own = network.layout.tensors.flatMap(({ name }) => {
    const values = weights.get(name)
    return values ? [[name, values] as const] : []
  })
  const stepper = createStepper(toValues(network.layout, new Map(own)), (state, feeds) => {
    const images = tensorOf(feeds, 'images') as tf.Tensor4D
    const { logits } = forward(network, new Map(state), images, { training: false })
    const outputs = new Map<string, tf.Tensor>([
      ['predicted', tf.argMax(logits, 1)],
      ['probabilities', tf.softmax(logits)],
    ])
    return { next: new Map(), outputs }
  })
  const truth: number[] = []
  const predicted: number[] = []
  const probabilities: number[] = []
  try {
    for await (const batch of tiles.batches({ random: null, batchSize, augment: 'none' })) {
      if (signal?.aborted)
        throw new TesseraError('ERR_INTERRUPTED', 'evaluation must run to its end, got a stop')
      const shape = [batch.size, tiles.sizePx, tiles.sizePx, 3]
      const outputs = await stepper.run(new Map([['images', { shape, values: batch.images }]]))
      predicted.push(...(outputs.get('predicted') ?? []))
      probabilities.push(...(outputs.get('probabilities') ?? []))
      truth.push(...batch.labels)
    }
  } finally {
    stepper.dispose()
  }
  return {
    truth: Int32Array.from(truth),
    predicted: Int32Array.from(predicted),
    probabilities: Float32Array.from(probabilities),
    matrix: confusionMatrix(truth, predicted, classes),
  }
}
