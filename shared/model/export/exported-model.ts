/** @file What is exported: a network, its weights, and what a user of it must know. */
import { TensorShapeError, TesseraError } from '../../errors.ts'
import type { Convolution, Graph, MaxPool } from '../graph.ts'
import { elementCount, type TensorSpec, type Weights } from '../layout.ts'

export interface ExportedModel {
  readonly graph: Graph
  /** By the names of the graph's layout, in PyTorch's element order. Tensors of other names are passed over. */
  readonly weights: Weights
  /** Side of the square tiles: the input's size is fixed to it, for some paddings hang on it. */
  readonly sizePx: number
  /** Texts by key, written into the file. Normalisation is one of them: it is not part of the graph. */
  readonly metadata: ReadonlyMap<string, string>
}

/** Gives the values of a tensor. @throws {TesseraError} ERR_LAYOUT_MISMATCH if there are none; {TensorShapeError} if they are of another number. */
export function valuesOf({ weights }: ExportedModel, { name, shape }: TensorSpec): Float32Array {
  const values = weights.get(name)
  if (!values) throw new TesseraError('ERR_LAYOUT_MISMATCH', `weights must have tensor ${name}, got none`)
  if (values.length !== elementCount(shape)) throw new TensorShapeError(name, shape, [values.length])
  return values
}

/** Zeros before and behind a layer's input of `size` pixels, in height and in width, and the pixels of its output. */
export function framing(
  node: Convolution | MaxPool,
  size: number,
): { readonly before: number; readonly behind: number; readonly output: number } {
  const { kernel, stride } = node
  const [before, behind] = frameOf(node, size)
  return { before, behind, output: Math.floor((size + before + behind - kernel) / stride) + 1 }
}

function frameOf(node: Convolution | MaxPool, size: number): readonly [number, number] {
  const { kernel, stride } = node
  const padding = node.kind === 'convolution' ? node.padding : 'symmetric'
  if (padding === 'symmetric') return [(kernel - 1) / 2, (kernel - 1) / 2]
  if (padding !== 'same') return padding
  const lacking = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size)
  return [Math.floor(lacking / 2), Math.ceil(lacking / 2)]
}
