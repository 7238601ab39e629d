/**
 * @file How a kernel of ours for back end `tensorflow` is written: TensorFlow ops on the inputs, and when it stands in for a stock kernel.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { OpAttribute } from '../binding.ts'
import type { TensorflowBackend } from '../load.ts'

/** Named inputs and attributes in, one tensor or several out; tensors made on the way are freed. */
type Work<Names extends string, Attributes> = (
  inputs: Record<Names, tf.Tensor>,
  attributes: Attributes,
) => tf.Tensor | tf.Tensor[]

/** Runs ops of TensorFlow by their name. */
export interface Ops {
  /** True when tensors are on a GPU, for which our own ops have no kernel. */
  readonly onGpu: boolean
  /** Runs an op with one output. */
  readonly one: (name: string, inputs: readonly tf.Tensor[], attributes?: readonly OpAttribute[]) => tf.Tensor
  /** Runs an op with several. */
  readonly many: (
    name: string,
    inputs: readonly tf.Tensor[],
    attributes: readonly OpAttribute[],
    outputs: number,
  ) => tf.Tensor[]
  readonly float: (name: string, value: number) => OpAttribute
  /** Whole numbers: one, or a list. */
  readonly int: (name: string, value: number | readonly number[]) => OpAttribute
  readonly bool: (name: string, value: boolean) => OpAttribute
  readonly text: (name: string, value: string) => OpAttribute
  /** Type attribute, float32. */
  readonly floats: (name: string) => OpAttribute
  /** Type attribute, of whole numbers of 32 bits. */
  readonly integers: (name: string) => OpAttribute
  /** The same values in another shape. */
  readonly reshape: (x: tf.Tensor, shape: readonly number[]) => tf.Tensor
  /** A matrix product of two tensors of rank 2. */
  readonly matMul: (a: tf.Tensor, b: tf.Tensor, transposeA?: boolean, transposeB?: boolean) => tf.Tensor
}

export function createOps(backend: TensorflowBackend): Ops {
  const { binding } = backend
  const attribute =
    (type: number) =>
    (name: string, value: unknown): OpAttribute => ({ name, type, value })
  const [float, int, bool, text] = [
    binding.TF_ATTR_FLOAT,
    binding.TF_ATTR_INT,
    binding.TF_ATTR_BOOL,
    binding.TF_ATTR_STRING,
  ].map(attribute) as [Ops['float'], Ops['int'], Ops['bool'], Ops['text']]
  const type = attribute(binding.TF_ATTR_TYPE)
  const floats = (name: string): OpAttribute => type(name, binding.TF_FLOAT)
  const integers = (name: string): OpAttribute => type(name, binding.TF_INT32)
  const one: Ops['one'] = (name, inputs, attributes = []) =>
    backend.executeSingleOutput(name, attributes, inputs) as tf.Tensor
  return {
    onGpu: backend.isUsingGpuDevice,
    one,
    many: (name, inputs, attributes, outputs) =>
      backend.executeMultipleOutputs(name, attributes, inputs, outputs) as tf.Tensor[],
    float,
    int,
    bool,
    text,
    floats,
    integers,
    reshape: (x, shape) =>
      one('Reshape', [x, tf.tensor1d([...shape], 'int32')], [floats('T'), integers('Tshape')]),
    matMul: (a, b, transposeA = false, transposeB = false) =>
      one('MatMul', [a, b], [floats('T'), bool('transpose_a', transposeA), bool('transpose_b', transposeB)]),
  }
}

/** Registers a kernel in place of the stock one, if there is one. Work that `when` does not accept goes to the stock kernel. */
export function registerKernel<Names extends string, Attributes>(
  name: string,
  work: Work<Names, Attributes>,
  when: (inputs: Record<Names, tf.TensorInfo>, attributes: Attributes) => boolean = () => true,
): void {
  const stock = tf.getKernel(name, 'tensorflow') as tf.KernelConfig | undefined
  if (stock !== undefined) tf.unregisterKernel(name, 'tensorflow')
  tf.registerKernel({
    kernelName: name,
    backendName: 'tensorflow',
    kernelFunc(call) {
      const inputs = call.inputs as Record<Names, tf.Tensor>
      const attributes = call.attrs as unknown as Attributes
      if (stock !== undefined && !when(inputs, attributes)) return stock.kernelFunc(call)
      return tf.tidy(() => work(inputs, attributes))
    },
  })
}
