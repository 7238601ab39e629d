/**
 * @file A function of tensors that is run step after step on a state which it moves on.
 *
 * The function is pure: the same state and feeds give the same next state and outputs. So it can be run as it stands, op by op, or recorded once as
 * a graph and run as a session that keeps the state inside (shared/engine/tensorflow/record). Whatever changes from step to step must come in by a
 * feed: a number taken from elsewhere would be frozen into the recording.
 */
import * as tf from '@tensorflow/tfjs-core'
import { createEagerStepper } from './eager-stepper.ts'
import { createRecordedStepper } from './tensorflow/record/recorded-stepper.ts'

/** Numbers on their way to a tensor. Int32Array gives int32, Float32Array float32. */
export interface Values {
  readonly shape: readonly number[]
  readonly values: Float32Array | Int32Array
}

export type NamedValues = ReadonlyMap<string, Values>
export type TensorMap = ReadonlyMap<string, tf.Tensor>

/** What a step gives. */
export interface StepResult {
  /** The tensors of the state that changed, by name; the others stay. Shapes stay. */
  readonly next: TensorMap
  /** What the caller wants to read. */
  readonly outputs: TensorMap
}

/** Computes one step. Called inside a scope that frees what it leaves between. */
export type StepFunction = (state: TensorMap, feeds: TensorMap) => StepResult

/** A state and the step that moves it. */
export interface Stepper {
  /**
   * Moves the state by one step and gives the step's outputs.
   * @param feeds The same names each time; another shape costs a recording of its own.
   */
  run(feeds: NamedValues): Promise<Map<string, Float32Array | Int32Array>>
  /** Copies tensors of the state out. @throws {TesseraError} ERR_LAYOUT_MISMATCH if one is not there. */
  read(names: Iterable<string>): Promise<Map<string, Float32Array>>
  /** Puts values in the place of tensors of the state, of the same sizes. @throws as {@link Stepper.read}. */
  write(values: ReadonlyMap<string, Float32Array>): Promise<void>
  dispose(): void
}

/** Builds the stepper of the engine that runs. Start the engine first. */
export function createStepper(state: NamedValues, step: StepFunction): Stepper {
  return tf.getBackend() === 'tensorflow'
    ? createRecordedStepper(state, step)
    : createEagerStepper(state, step)
}
