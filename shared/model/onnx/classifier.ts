/** @file The last layers of a classifier in an ONNX graph: from the logits back to the features that they are computed from. */
import type { OnnxModel } from './read.ts'

/** A linear layer: x·W (+ b). */
export interface LinearLayer {
  /** The tensor it reads: [B, inputWidth]. */
  readonly input: string
  readonly inputWidth: number
  readonly outputWidth: number
}

/** Gives the linear layer that makes a tensor: Gemm, MatMul, or MatMul and Add with weights; null for another. */
export function linearLayerOf(model: OnnxModel, tensor: string): LinearLayer | null {
  const node = model.makers.get(tensor)
  const [a = '', b = ''] = node?.inputs ?? []
  const weights = model.weights.get(b)
  if (node?.operator === 'Add') {
    const [product, bias] = model.weights.has(a) ? [b, a] : [a, b]
    if (!model.weights.has(bias) || model.makers.get(product)?.operator !== 'MatMul') return null
    return linearLayerOf(model, product)
  }
  if (weights?.length !== 2) return null
  const [rows = 0, columns = 0] = weights
  if (node?.operator === 'MatMul') return { input: a, inputWidth: rows, outputWidth: columns }
  if (node?.operator !== 'Gemm' || node.integers.get('transA') === 1) return null
  return node.integers.get('transB') === 1
    ? { input: a, inputWidth: columns, outputWidth: rows }
    : { input: a, inputWidth: rows, outputWidth: columns }
}

/** Gives the logits behind a tensor: what a softmax at the model's end was given, or the tensor itself. */
export function beforeSoftmax(model: OnnxModel, tensor: string): string {
  const node = model.makers.get(tensor)
  return node?.operator === 'Softmax' ? (node.inputs[0] ?? tensor) : tensor
}
