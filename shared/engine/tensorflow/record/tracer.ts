/**
 * @file Records what a function of tensors does: while it runs, the back end's binding is replaced by one that adds each op to a graph instead of
 * executing it. Nothing is computed; TensorFlow's shape inference gives every tensor its shape and type, which is all that TensorFlow.js asks.
 */
import type * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '../../../errors.ts'
import type { Output, TfjsBinding } from '../binding.ts'
import type { TensorflowBackend } from '../load.ts'
import { ATTRIBUTE, DTYPE, type GraphBuilder, type OutputInfo } from './graph.ts'

/** Gives tensors that stand for outputs of the graph, and back. */
export interface Trace {
  readonly tensorOf: (output: Output) => tf.Tensor
  readonly outputOf: (tensor: tf.Tensor) => Output
}

/**
 * Runs `body` so that its ops go into `graph`.
 * @throws {TesseraError} ERR_ENGINE_GRAPH if it reads a value, which is not there yet, or uses a tensor from outside.
 */
export function trace<T>(backend: TensorflowBackend, graph: GraphBuilder, body: (trace: Trace) => T): T {
  const outputs: Output[] = []
  // Below 0: TensorFlow.js never deletes those, and -1 is its own mark for "not written yet".
  const idOf = (output: Output): number => -1 - outputs.push(output)
  const outputAt = (id: number): Output => {
    const output = outputs[-2 - id]
    if (output) return output
    throw refused('use tensors of its state and its feeds only, got a tensor from outside')
  }
  const metadata = (name: string, index: number, { dtype, shape }: OutputInfo): Metadata => {
    if (shape.includes(-1))
      throw refused(`have tensors of known shape, got ${name} of shape [${shape.join(', ')}]`)
    return { id: idOf([name, index]), dtype, shape }
  }
  const stock = backend.binding
  // Constants of the stock binding cannot be overwritten: a copy with other methods.
  const recording = Object.create(stock) as TfjsBinding
  const override = (name: keyof TfjsBinding, value: unknown): void =>
    void Object.defineProperty(recording, name, { value })
  override('executeOp', (type: string, attributes: never[], inputs: number[]) => {
    const operation = graph.add(type, inputs.map(outputAt), attributes)
    return operation.outputs.map((info, index) => metadata(operation.name, index, info))
  })
  override('createTensor', (shape: number[], dtype: number, values: ArrayLike<number>) => {
    const { name } = graph.add(
      'Const',
      [],
      [
        { name: 'dtype', type: ATTRIBUTE.type, value: dtype },
        { name: 'value', type: ATTRIBUTE.tensor, value: { dtype, shape, data: bytesOf(dtype, values) } },
      ],
    )
    return idOf([name, 0])
  })
  override('tensorDataSync', () => {
    throw refused('read no value while it is recorded')
  })
  backend.binding = recording
  try {
    return body({
      tensorOf([name, index]) {
        const info = graph.operation(name).outputs[index]
        if (!info) throw new TesseraError('ERR_INTERNAL', `internal: ${name} must have output ${index}`)
        return backend.createOutputTensor(metadata(name, index, info)) as tf.Tensor
      },
      outputOf: (tensor) => outputAt(backend.getInputTensorIds([tensor])[0] ?? 0),
    })
  } finally {
    backend.binding = stock
  }
}

interface Metadata {
  id: number
  dtype: number
  shape: number[]
}

function bytesOf(dtype: number, values: ArrayLike<number>): Uint8Array {
  if (dtype === DTYPE.bool) return Uint8Array.from(values)
  const numbers = dtype === DTYPE.int32 ? Int32Array.from(values) : Float32Array.from(values)
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
}

function refused(rule: string): TesseraError {
  return new TesseraError('ERR_ENGINE_GRAPH', `recorded step must ${rule}`)
}
