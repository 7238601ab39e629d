/**
 * @file A network as a TensorFlow.js graph model: `model.json` and files of weights, for `loadGraphModel` of @tensorflow/tfjs-converter.
 *
 * Input `images` [batch, S, S, 3], outputs `features` [batch, D] and `logits` [batch, N]. The images are normalised ones; the metadata says how.
 * Source of the format: tfjs-converter, README, "Format of the model.json"; operators as TensorFlow's.
 */

import { channelsLastShape, toChannelsLast } from '../channels-last.ts'
import { type Activation, type Graph, IMAGES, type Node } from '../graph.ts'
import type { TensorSpec } from '../layout.ts'
import { nodeTensors } from '../layouts.ts'
import { type ExportedModel, framing, valuesOf } from './exported-model.ts'
import {
  constant,
  FLOAT,
  INT32,
  integers,
  node,
  shapeOf,
  type TensorflowNode,
  text,
} from './tensorflow-nodes.ts'

/** Most bytes of a file of weights: what TensorFlow.js' own converter writes, so that browsers can keep each in their cache. */
const SHARD_BYTES = 4 * 1024 * 1024

interface Weight {
  readonly name: string
  readonly shape: readonly number[]
  readonly values: Float32Array | Int32Array
}

/**
 * Gives the files by their names. Equal models give equal bytes.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH, {TensorShapeError} if the weights are not the graph's.
 */
export function toTensorflowJs(model: ExportedModel): Map<string, Uint8Array> {
  const { graph, sizePx, metadata } = model
  const weights = [
    ...graph.nodes.flatMap(nodeTensors).map((spec) => weightOf(model, spec)),
    ...constantsOf(graph),
  ]
  const data = Buffer.concat(
    weights.map(({ values }) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  )
  const count = Math.max(1, Math.ceil(data.length / SHARD_BYTES))
  const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`)
  const value = (name: string, shape: readonly number[]): object => ({
    name: `${name}:0`,
    dtype: 'DT_FLOAT',
    tensorShape: shapeOf(shape),
  })
  const description = {
    format: 'graph-model',
    generatedBy: 'tessera',
    convertedBy: null,
    signature: {
      inputs: { [IMAGES]: value(IMAGES, [-1, sizePx, sizePx, 3]) },
      outputs: {
        features: value('features', [-1, graph.features]),
        logits: value('logits', [-1, graph.classes]),
      },
    },
    userDefinedMetadata: Object.fromEntries(metadata),
    modelTopology: { node: nodesOf(graph, sizePx, weights), library: {}, versions: { producer: 1395 } },
    weightsManifest: [
      {
        paths,
        weights: weights.map(({ name, shape, values }) => ({
          name,
          shape,
          dtype: values instanceof Float32Array ? 'float32' : 'int32',
        })),
      },
    ],
  }
  return new Map([
    ['model.json', new TextEncoder().encode(JSON.stringify(description))],
    ...paths.map((path, i): [string, Uint8Array] => [
      path,
      data.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES),
    ]),
  ])
}

const AXES = 'pixel-axes'
const frameName = ({ name }: Node): string => `${name}.frame`

/** Arguments of operators, which TensorFlow wants as tensors. */
function constantsOf({ nodes }: Graph): Weight[] {
  const frames = nodes.flatMap((layer): Weight[] => {
    if (layer.kind !== 'max-pool') return []
    const { before, behind } = framing(layer, 0)
    return [
      {
        name: frameName(layer),
        shape: [4, 2],
        values: Int32Array.of(0, 0, before, behind, before, behind, 0, 0),
      },
    ]
  })
  return [{ name: AXES, shape: [2], values: Int32Array.of(1, 2) }, ...frames]
}

function weightOf(model: ExportedModel, spec: TensorSpec): Weight {
  const values = valuesOf(model, spec)
  return {
    name: spec.name,
    shape: channelsLastShape(spec),
    values: toChannelsLast(spec, values),
  }
}

function nodesOf(graph: Graph, sizePx: number, weights: readonly Weight[]): TensorflowNode[] {
  const placeholder = {
    name: IMAGES,
    op: 'Placeholder',
    input: [],
    attr: { dtype: FLOAT, shape: { shape: shapeOf([-1, sizePx, sizePx, 3]) } },
  }
  const constants = weights.map(({ name, shape, values }) =>
    constant(name, values instanceof Float32Array ? FLOAT : INT32, shape),
  )
  const sizes = new Map([[IMAGES, sizePx]])
  const layers = graph.nodes.flatMap((layer) => {
    const size = sizes.get(layer.input) ?? 0
    const framed = layer.kind === 'convolution' || layer.kind === 'max-pool'
    sizes.set(layer.name, framed ? framing(layer, size).output : size)
    return layerNodes(layer, size)
  })
  return [placeholder, ...constants, ...layers]
}

/** The nodes of a layer that reads an image of `size` pixels. The last of them gives the value of the layer's name. */
function layerNodes(layer: Node, size: number): TensorflowNode[] {
  const { name, input } = layer
  switch (layer.kind) {
    case 'convolution': {
      const { before, behind } = framing(layer, size)
      const frame = integers([0, 0, before, behind, before, behind, 0, 0])
      const op = layer.depthwise ? 'DepthwiseConv2dNative' : 'Conv2D'
      const attr = { padding: text('EXPLICIT'), explicit_paddings: frame }
      return [node(op, name, [input, `${name}.weight`], { ...windows(layer.stride), ...attr })]
    }
    case 'norm': {
      const parts = ['weight', 'bias', 'running_mean', 'running_var'].map((part) => `${name}.${part}`)
      const attr = {
        epsilon: { f: layer.epsilon },
        is_training: { b: false },
        data_format: text('NHWC'),
        U: FLOAT,
      }
      return activated(layer.activation, name, (output) =>
        node('FusedBatchNormV3', output, [input, ...parts], attr),
      )
    }
    case 'squeeze-excite': {
      const pointwise = (part: string, from: string, to: string): TensorflowNode[] => [
        node('Conv2D', `${name}.${part}`, [from, `${name}.${part}.weight`], {
          ...windows(1),
          padding: text('VALID'),
        }),
        node('BiasAdd', to, [`${name}.${part}`, `${name}.${part}.bias`], { data_format: text('NHWC') }),
      ]
      const [linear, swish] = [`${name}.linear`, `${name}.swish`]
      return [
        mean(`${name}.mean`, input, true),
        ...pointwise('fc1', `${name}.mean`, linear),
        node('Sigmoid', `${name}.sigmoid`, [linear]),
        node('Mul', swish, [linear, `${name}.sigmoid`]),
        ...pointwise('fc2', swish, `${name}.gate`),
        node('Sigmoid', `${name}.open`, [`${name}.gate`]),
        node('Mul', name, [input, `${name}.open`]),
      ]
    }
    case 'max-pool': {
      const { kernel, stride } = layer
      const attr = { ...windows(stride), ksize: integers([1, kernel, kernel, 1]), padding: text('VALID') }
      // Zeros are never larger than what is there: the layer's input has no negative value.
      return [
        node('Pad', `${name}.framed`, [input, frameName(layer)], { Tpaddings: INT32 }),
        node('MaxPool', name, [`${name}.framed`], attr),
      ]
    }
    case 'add':
      return activated(layer.activation, name, (output) => node('AddV2', output, [input, layer.shortcut]))
    case 'global-average-pool':
      return [mean('features', input, false)]
    case 'classifier':
      break
  }
  const attr = { transpose_a: { b: false }, transpose_b: { b: true } }
  return [
    node('MatMul', `${name}.product`, ['features', `${name}.weight`], attr),
    node('BiasAdd', 'logits', [`${name}.product`, `${name}.bias`], { data_format: text('NHWC') }),
  ]
}

function mean(name: string, input: string, keeps: boolean): TensorflowNode {
  return node('Mean', name, [input, AXES], { keep_dims: { b: keeps }, Tidx: INT32 })
}

function windows(stride: number): Record<string, ReturnType<typeof integers>> {
  return {
    strides: integers([1, stride, stride, 1]),
    dilations: integers([1, 1, 1, 1]),
    data_format: text('NHWC'),
  }
}

/** A node and the activation behind it; together they give the value `name`. */
function activated(
  activation: Activation,
  name: string,
  linear: (output: string) => TensorflowNode,
): TensorflowNode[] {
  const before = `${name}.linear`
  switch (activation) {
    case 'none':
      break
    case 'relu':
      return [linear(before), node('Relu', name, [before])]
    case 'relu6':
      return [linear(before), node('Relu6', name, [before])]
    case 'swish':
      return [
        linear(before),
        node('Sigmoid', `${name}.sigmoid`, [before]),
        node('Mul', name, [before, `${name}.sigmoid`]),
      ]
  }
  return [linear(name)]
}
