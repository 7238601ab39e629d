/** @file One training step: the method's targets, the student's pass and its gradients, the optimiser, the method's end of the step. */
import * as tf from '@tensorflow/tfjs-core'
import type { SgdMomentum } from '@tessera/shared/engine'
import { TesseraError } from '@tessera/shared/errors'
import { type ForwardMode, forward, type Network } from '@tessera/shared/model/network'
import type { Method, StepBatch } from './methods/method.ts'
import type { LossParts } from './moma-step.ts'
import type { StepMetrics } from './round-metrics.ts'
import { sgdStep } from './sgd.ts'
import { replaceTensors, scoped } from './tensor-map.ts'

/** The student in training. Both maps are moved on by each step. */
export interface StudentState {
  /** All tensors of the student's layout, running statistics included. */
  readonly weights: Map<string, tf.Tensor>
  /** Velocities of the optimiser, one a trainable tensor. */
  readonly velocities: Map<string, tf.Tensor>
}

export interface StepOptions {
  readonly network: Network
  readonly method: Method
  readonly student: StudentState
  readonly batch: StepBatch
  /** Dropout and stochastic depth of the student, and their stream. */
  readonly noise: Omit<ForwardMode, 'training'>
  readonly sgd: SgdMomentum
}

/** What the student's pass gives besides its loss. Kept by hand: a gradient frees all that its function does not return. */
interface PassOutputs {
  readonly statistics: Map<string, tf.Tensor>
  readonly metrics: tf.Tensor1D[]
  /** Whether the method has a KL and a contrast term. */
  kl: boolean
  nce: boolean
}

/**
 * Moves the student by one step. Leaves no tensor behind but the student's and the method's own.
 * @throws {TesseraError} ERR_TRAINING_DIVERGED if the loss is not finite; the student is then as before, the method is not.
 */
export function trainStep({ network, method, student, batch, noise, sgd }: StepOptions): StepMetrics {
  const names = [...student.velocities.keys()]
  const before = names.map((name) => student.weights.get(name) as tf.Tensor)
  const outputs: PassOutputs = { statistics: new Map(), metrics: [], kl: false, nce: false }
  try {
    return scoped(() => {
      const step = method.begin(batch, student.weights)
      const lossOf = (...tensors: tf.Tensor[]): tf.Scalar => {
        const own = new Map([...student.weights, ...zip(names, tensors)])
        const result = forward(network, own, batch.images, { training: true, ...noise })
        for (const [name, tensor] of result.statistics) outputs.statistics.set(name, tf.keep(tensor))
        const parts = step.loss(result, own)
        outputs.metrics.push(tf.keep(packMetrics(parts, result.logits, batch.labels)))
        outputs.kl = parts.kl !== null
        outputs.nce = parts.nce !== null
        return parts.total
      }
      const gradients = tf.grads(lossOf)(before)
      const metrics = readMetrics(outputs, batch.labels.shape[0])
      const moved = sgdStep(student.weights, student.velocities, new Map(zip(names, gradients)), sgd)
      replaceTensors(student.weights, moved.weights)
      replaceTensors(student.velocities, moved.velocities)
      replaceTensors(student.weights, outputs.statistics)
      outputs.statistics.clear()
      step.finish()
      return metrics
    })
  } finally {
    tf.dispose([...outputs.statistics.values(), ...outputs.metrics])
  }
}

/** One small tensor, so that a step waits for the engine once: loss, CE, KL, NCE, tiles the student had right. */
function packMetrics(
  { total, ce, kl, nce }: LossParts,
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
): tf.Tensor1D {
  return tf.tidy(() => {
    const right = tf.equal(tf.cast(tf.argMax(logits, 1), 'int32'), labels)
    const none = tf.scalar(0)
    return tf.stack([total, ce, kl ?? none, nce ?? none, tf.sum(tf.cast(right, 'float32'))]) as tf.Tensor1D
  })
}

function readMetrics({ metrics, kl, nce }: PassOutputs, seen: number): StepMetrics {
  const [loss = Number.NaN, ce = Number.NaN, klValue = 0, nceValue = 0, correct = 0] =
    metrics[0]?.dataSync() ?? []
  if (!Number.isFinite(loss)) {
    throw new TesseraError(
      'ERR_TRAINING_DIVERGED',
      `loss must stay finite, got ${loss}; a lower learning rate may help`,
    )
  }
  return { loss, ce, kl: kl ? klValue : null, nce: nce ? nceValue : null, correct, seen }
}

function zip<T>(names: readonly string[], values: readonly T[]): [string, T][] {
  return names.map((name, i) => [name, values[i] as T])
}
