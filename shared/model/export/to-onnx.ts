/**
 * @file A network as an ONNX file: input `images` [batch, 3, S, S], outputs `features` [batch, D] and `logits` [batch, N], opset 17.
 *
 * Batch norms stay as they are: a runtime folds them into the convolutions by itself. The images are normalised ones; the metadata says how.
 */
import { type Activation, type Graph, IMAGES, type Node } from '../graph.ts'
import { nodeTensors } from '../layouts.ts'
import { type ExportedModel, framing, valuesOf } from './exported-model.ts'
import { encodeOnnx, type OnnxFileNode, type OnnxFileTensor } from './onnx-file.ts'

/**
 * Gives the bytes of the file. Equal models give equal bytes.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if the weights are not the graph's.
 */
export function toOnnx(model: ExportedModel): Uint8Array {
  const { graph, sizePx, metadata } = model
  const weights = graph.nodes
    .flatMap(nodeTensors)
    .map((spec): OnnxFileTensor => ({ name: spec.name, shape: spec.shape, values: valuesOf(model, spec) }))
  return encodeOnnx({
    graph: 'student',
    nodes: nodesOf(graph, sizePx),
    weights: [...weights, ...bounds(graph)],
    inputs: [{ name: IMAGES, shape: ['batch', 3, sizePx, sizePx] }],
    outputs: [
      { name: 'features', shape: ['batch', graph.features] },
      { name: 'logits', shape: ['batch', graph.classes] },
    ],
    metadata,
  })
}

const [ZERO, SIX] = ['relu6.from', 'relu6.to'] as const

/** The bounds of ReLU6, which ONNX wants as tensors. */
function bounds({ nodes }: Graph): OnnxFileTensor[] {
  if (!nodes.some((node) => 'activation' in node && node.activation === 'relu6')) return []
  return [
    { name: ZERO, shape: [], values: Float32Array.of(0) },
    { name: SIX, shape: [], values: Float32Array.of(6) },
  ]
}

function nodesOf(graph: Graph, sizePx: number): OnnxFileNode[] {
  const sizes = new Map([[IMAGES, sizePx]])
  return graph.nodes.flatMap((node) => {
    const size = sizes.get(node.input) ?? 0
    sizes.set(
      node.name,
      node.kind === 'convolution' || node.kind === 'max-pool' ? framing(node, size).output : size,
    )
    return layer(node, size)
  })
}

/** The nodes of a layer that reads an image of `size` pixels. The last of them gives the value of the layer's name. */
function layer(node: Node, size: number): OnnxFileNode[] {
  const { name, input } = node
  switch (node.kind) {
    case 'convolution': {
      const attributes = { ...windows(node, size), group: node.depthwise ? node.inputs : 1 }
      return [{ operator: 'Conv', inputs: [input, `${name}.weight`], outputs: [name], attributes }]
    }
    case 'norm': {
      const parts = ['weight', 'bias', 'running_mean', 'running_var'].map((part) => `${name}.${part}`)
      const attributes = { epsilon: { float: node.epsilon } }
      return activated(node.activation, name, (output) => ({
        operator: 'BatchNormalization',
        inputs: [input, ...parts],
        outputs: [output],
        attributes,
      }))
    }
    case 'squeeze-excite': {
      const pointwise = (part: string, from: string, to: string): OnnxFileNode => ({
        operator: 'Conv',
        inputs: [from, `${name}.${part}.weight`, `${name}.${part}.bias`],
        outputs: [to],
      })
      const [mean, squeezed, gate, open] = ['mean', 'squeezed', 'gate', 'open'].map(
        (part) => `${name}.${part}`,
      ) as [string, string, string, string]
      return [
        simple('GlobalAveragePool', [input], mean),
        ...activated('swish', squeezed, (output) => pointwise('fc1', mean, output)),
        pointwise('fc2', squeezed, gate),
        simple('Sigmoid', [gate], open),
        simple('Mul', [input, open], name),
      ]
    }
    case 'max-pool':
      return [{ operator: 'MaxPool', inputs: [input], outputs: [name], attributes: windows(node, size) }]
    case 'add':
      return activated(node.activation, name, (output) => simple('Add', [input, node.shortcut], output))
    case 'global-average-pool':
      return [
        simple('GlobalAveragePool', [input], `${name}.mean`),
        { operator: 'Flatten', inputs: [`${name}.mean`], outputs: ['features'], attributes: { axis: 1 } },
      ]
    case 'classifier':
      break
  }
  const inputs = ['features', `${name}.weight`, `${name}.bias`]
  return [{ operator: 'Gemm', inputs, outputs: ['logits'], attributes: { transB: 1 } }]
}

function windows(node: Parameters<typeof framing>[0], size: number): Record<string, number[]> {
  const { before, behind } = framing(node, size)
  return {
    kernel_shape: [node.kernel, node.kernel],
    strides: [node.stride, node.stride],
    pads: [before, before, behind, behind],
  }
}

/** A node and the activation behind it; together they give the value `name`. */
function activated(
  activation: Activation,
  name: string,
  node: (output: string) => OnnxFileNode,
): OnnxFileNode[] {
  const linear = `${name}.linear`
  switch (activation) {
    case 'none':
      break
    case 'relu':
      return [node(linear), simple('Relu', [linear], name)]
    case 'relu6':
      return [node(linear), simple('Clip', [linear, ZERO, SIX], name)]
    case 'swish': {
      const gate = `${name}.sigmoid`
      return [node(linear), simple('Sigmoid', [linear], gate), simple('Mul', [linear, gate], name)]
    }
  }
  return [node(name)]
}

function simple(operator: string, inputs: readonly string[], output: string): OnnxFileNode {
  return { operator, inputs, outputs: [output] }
}
