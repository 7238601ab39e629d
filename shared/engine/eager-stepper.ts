/** @file Runs a step op by op, its state as tensors of the engine. */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '../errors.ts'
import { scoped } from './scoped.ts'
import type { NamedValues, StepFunction, Stepper, Values } from './stepper.ts'

export function createEagerStepper(initial: NamedValues, step: StepFunction): Stepper {
  const state = new Map([...initial].map(([name, values]) => [name, tf.keep(toTensor(values))]))
  const replace = (name: string, tensor: tf.Tensor): void => {
    tensorAt(state, name).dispose()
    state.set(name, tf.keep(tensor))
  }
  return {
    // async: a failure of the step is a rejection, as it is for a session.
    async run(feeds) {
      return scoped(() => {
        const fed = new Map([...feeds].map(([name, values]) => [name, toTensor(values)]))
        const { next, outputs } = step(state, fed)
        const read = new Map([...outputs].map(([name, tensor]) => [name, copyOf(tensor)]))
        for (const [name, tensor] of next) replace(name, tensor)
        // A step may have kept an output beyond an inner scope.
        tf.dispose([...outputs.values()])
        return read
      })
    },
    async read(names) {
      return new Map([...names].map((name) => [name, tensorAt(state, name).dataSync<'float32'>().slice()]))
    },
    async write(values) {
      for (const [name, numbers] of values) {
        replace(name, tf.tensor(numbers.slice(), tensorAt(state, name).shape, 'float32'))
      }
    },
    dispose: () => tf.dispose([...state.values()]),
  }
}

function toTensor({ shape, values }: Values): tf.Tensor {
  // A copy: the engine keeps the array it is given, and the caller may write to it again.
  return tf.tensor(values.slice(), [...shape], values instanceof Int32Array ? 'int32' : 'float32')
}

function copyOf(tensor: tf.Tensor): Float32Array | Int32Array {
  const values = tensor.dataSync()
  return tensor.dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values)
}

function tensorAt(state: ReadonlyMap<string, tf.Tensor>, name: string): tf.Tensor {
  const tensor = state.get(name)
  if (tensor) return tensor
  throw new TesseraError('ERR_LAYOUT_MISMATCH', `state must have ${name}, got none of that name`)
}
