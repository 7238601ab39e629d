/** @file What a way of training the student adds to a step. One file a method; index.ts lists them. */
import type * as tf from '@tensorflow/tfjs-core'
import type { NamedValues, TensorMap } from '@tessera/shared/engine'
import type { TensorSpec, Weights } from '@tessera/shared/model'
import type { ForwardResult } from '@tessera/shared/model/network'
import type { GlobalTeacher } from '../global-teacher.ts'
import type { LossParts } from '../moma-step.ts'
import type { TileBatch } from '../tiles.ts'

/** A batch on the engine. */
export interface StepBatch {
  readonly images: tf.Tensor4D // [B, S, S, 3]
  readonly labels: tf.Tensor1D // [B] int32
}

/** What a step of a method reads beside the batch. */
export interface StepInputs {
  /** The method's own tensors, by the names of its `specs`. */
  readonly state: TensorMap
  /** The student's weights before the step. */
  readonly student: TensorMap
  /** What the method's `feeds` gave for this batch. */
  readonly feeds: TensorMap
}

/** One step of a method. */
export interface MethodStep {
  /** The loss of the student's pass. Called once, inside the gradient: `student` holds the tensors that gradients are taken of. */
  loss(result: ForwardResult, student: TensorMap): LossParts
  /** The method's tensors that change, computed after the loss. */
  next(): TensorMap
}

/**
 * A method: its own tensors, and a step on them that is a pure function of tensors (shared/engine/stepper.ts). What changes from step to step
 * beside those, such as the place in the queue, it counts itself and feeds.
 */
export interface Method {
  /** True when `loss` reads the feature maps of the student's pass; absent: they are not kept. */
  readonly readsMaps?: boolean
  /** What it trains beside the student, for training alone; absent: nothing. `loss` finds it among the student's tensors. */
  readonly modules?: Modules
  /** Its tensors. The names are its own: none begins as another part of the state does. */
  readonly specs: readonly TensorSpec[]
  /** Gives their values at the start, in PyTorch's element order. A call, so that a method in training does not hold them a second time. */
  weights(): Weights
  /** Whether a site keeps the tensor of that name between rounds; fixed ones come from the study's seed again. */
  keeps(name: string): boolean
  /** Of a teacher that its tensors hold and that follows the published students between the rounds; absent: there is none. */
  readonly global?: GlobalTeacher
  /** Counts a batch, and gives what its step is to be fed. */
  feeds(batch: TileBatch, sizePx: number): Promise<NamedValues> | NamedValues
  /** Starts a step, before the student's pass: all that carries no gradient. */
  begin(batch: StepBatch, inputs: StepInputs): MethodStep
  /** Its counters, kept between rounds. */
  counters(): Readonly<Record<string, number>>
}

/** Tensors that are trained like the student's and stay at the site, kept between rounds. */
export interface Modules {
  /** The names are none of the student's. */
  readonly specs: readonly TensorSpec[]
  /** Their values at a site's first round, in PyTorch's element order. */
  weights(): Weights
}

/** What a method kept at the site after an earlier round. Plain data; tensors in PyTorch's element order. */
export interface MethodState {
  readonly tensors: ReadonlyMap<string, Float32Array>
  readonly counters: Readonly<Record<string, number>>
}

/** The parts of {@link Method} of a method that keeps nothing. */
export const STATELESS = {
  specs: [],
  weights: (): Weights => new Map(),
  keeps: (): boolean => false,
  feeds: (): NamedValues => new Map(),
  counters: (): Readonly<Record<string, number>> => ({}),
} as const satisfies Partial<Method>
