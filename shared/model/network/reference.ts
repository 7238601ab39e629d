/**
 * @file Runs a reference case of kind `forward`: the numbers another implementation computed, computed again here.
 *
 * tests/parity/README.md describes the cases. Names are those of the case's file without `input.`, `param.` and `expect.`.
 */
import * as tf from '@tensorflow/tfjs-core'
import { TesseraError } from '../../errors.ts'
import { elementCount, type TensorSpec } from '../layout.ts'
import { type CaseConfig, readCaseConfig } from './case-config.ts'
import { networkOfCase } from './case-network.ts'
import { forward, type Network } from './network.ts'
import { fromEngine, type Params, param, toParams } from './params.ts'

/** A tensor of a case, float32, in PyTorch's element order. */
export interface CaseTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface ForwardCase {
  /** The parsed `config` of the file's metadata. */
  readonly config: unknown
  /** `images` */
  readonly inputs: ReadonlyMap<string, CaseTensor>
  /** The state dict. */
  readonly params: ReadonlyMap<string, CaseTensor>
  /** Names of what to compute: `features`, `logits`, `loss.total`, `param.<statistic>`, `grad.<parameter>`. */
  readonly expected: readonly string[]
}

/**
 * Computes the tensors of `expected`, in PyTorch's element order. The engine must be started.
 * @throws {TesseraError} ERR_CASE_FILE if the case does not describe a forward pass, or wants what none computes.
 */
export function runForwardCase(given: ForwardCase): Map<string, Float32Array> {
  const settings = readCaseConfig(given.config)
  const { graph, layout, names } = networkOfCase(settings, given.params)
  const { architecture, conventions } = settings
  const network = {
    architecture,
    classes: graph.classes,
    layout,
    graph,
    momentum: conventions.momentum,
  }
  const weights = new Map(
    layout.tensors.map(({ name }) => [name, tensorOf(given.params, 'param', names.get(name) ?? name).data]),
  )
  const images = tensorOf(given.inputs, 'input', 'images')
  const results = tf.tidy(() => {
    const params = toParams(layout, weights)
    return compute(network, names, settings, params, toImages(images, settings), given.expected)
  })
  return new Map(Object.entries(results))
}

function compute(
  network: Network,
  names: ReadonlyMap<string, string>,
  { mode, loss }: CaseConfig,
  params: Params,
  images: tf.Tensor4D,
  expected: readonly string[],
): Record<string, Float32Array> {
  const training = mode === 'train'
  const { features, logits, statistics } = forward(network, params, images, { training })
  const computed = new Map<string, tf.Tensor>([
    ['features', features],
    ['logits', logits],
    ...(loss ? [['loss.total', squaredSum(logits)] as const] : []),
    ...[...statistics].map(([name, tensor]) => [`param.${names.get(name) ?? name}`, tensor] as const),
  ])
  const parameters = new Map(
    network.layout.tensors.map((spec) => [`grad.${names.get(spec.name) ?? spec.name}`, spec]),
  )
  const wanted = new Map(
    expected.flatMap((name) => {
      const spec = parameters.get(name)
      return spec?.kind === 'trainable' ? [[name, spec]] : []
    }),
  )
  const gradients = loss
    ? gradientsOf(network, params, images, training, wanted)
    : new Map<string, Float32Array>()
  return Object.fromEntries(
    expected.map((name) => {
      const values = gradients.get(name) ?? computed.get(name)?.dataSync<'float32'>()
      if (!values) throw faulty(`case must expect what a forward pass in mode ${mode} computes, got ${name}`)
      return [name, values]
    }),
  )
}

/** Gradients of the loss, by the names of `wanted`, in PyTorch's element order. */
function gradientsOf(
  network: Network,
  params: Params,
  images: tf.Tensor4D,
  training: boolean,
  wanted: ReadonlyMap<string, TensorSpec>,
): Map<string, Float32Array> {
  const specs = [...wanted.values()]
  if (specs.length === 0) return new Map()
  const lossOf = (...tensors: tf.Tensor[]): tf.Scalar => {
    const moved = new Map(params)
    for (const [i, tensor] of tensors.entries()) moved.set(specs[i]?.name ?? '', tensor)
    return squaredSum(forward(network, moved, images, { training }).logits)
  }
  const gradients = tf.grads(lossOf)(specs.map(({ name }) => param(params, name)))
  return new Map(
    [...wanted].map(([name, spec], i) => [
      name,
      fromEngine(spec, gradients[i]?.dataSync<'float32'>() ?? new Float32Array()),
    ]),
  )
}

function squaredSum(logits: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.square(logits))
}

function tensorOf(tensors: ReadonlyMap<string, CaseTensor>, group: string, name: string): CaseTensor {
  const tensor = tensors.get(name)
  if (!tensor) throw faulty(`case must have tensor ${group}.${name}, got none`)
  if (tensor.data.length !== elementCount(tensor.shape)) {
    throw faulty(`${group}.${name} must have ${elementCount(tensor.shape)} values, got ${tensor.data.length}`)
  }
  return tensor
}

function toImages({ shape, data }: CaseTensor, { layout }: CaseConfig): tf.Tensor4D {
  const [batch = 0, second = 0, third = 0, fourth = 0] = shape
  if (shape.length !== 4) {
    throw faulty(`input.images must have 4 dimensions, got ${shape.length}`)
  }
  const images = tf.tensor4d(data, [batch, second, third, fourth])
  return layout === 'NHWC' ? images : tf.transpose(images, [0, 2, 3, 1])
}

function faulty(message: string): TesseraError {
  return new TesseraError('ERR_CASE_FILE', message)
}
