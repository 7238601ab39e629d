/** @file What a way of training the student adds to a step. One file a method; index.ts lists them. */
import type * as tf from '@tensorflow/tfjs-core'
import type { ForwardResult } from '@tessera/shared/model/network'
import type { LossParts } from '../moma-step.ts'
import type { NamedTensors } from '../tensor-map.ts'

/** A batch on the engine. */
export interface StepBatch {
  readonly images: tf.Tensor4D // [B, S, S, 3]
  readonly labels: tf.Tensor1D // [B] int32
}

/** One step of a method. */
export interface MethodStep {
  /** The loss of the student's pass. Called once, inside the gradient: `student` holds the tensors that gradients are taken of. */
  loss(result: ForwardResult, student: NamedTensors): LossParts
  /** Called when the optimiser has moved the student: what belongs after the step, such as the queue. */
  finish(): void
}

/** What a method keeps at the site between rounds. Plain data; tensors in PyTorch's element order. */
export interface MethodState {
  readonly tensors: ReadonlyMap<string, Float32Array>
  readonly counters: Readonly<Record<string, number>>
}

export interface Method {
  /** Starts a step inside tf.tidy, before the student's pass: all that carries no gradient. `student`: weights before the step. */
  begin(batch: StepBatch, student: NamedTensors): MethodStep
  state(): MethodState
  dispose(): void
}
