/**
 * @file How much a step of the contest has to compute and to move, counted from the layers' shapes, and how long it must therefore take.
 *
 * Computing: multiplications and additions of convolutions, linear layers, attentions and the contrast; 2 a product. Element by element work is
 * not counted: it is bound by memory. Moving: each layer reads its input and weights and writes its output, 4 bytes a value; norms and scalings go
 * through their values as often as they must, because training's norm needs the whole batch before it can write.
 */
import { type Architecture, describeNetwork, featureWidth, IMAGES, type Node } from '@tessera/shared/model'
import type { Size } from './sizes.ts'

/** What one part of a step needs. */
export interface WorkLoad {
  readonly name: string
  readonly flops: number
  readonly bytes: number
}

/** What a machine can do at most. */
export interface Peak {
  readonly flopsPerSecond: number
  readonly bytesPerSecond: number
}

type Pass = 'train' | 'evaluate' | 'backward'

/** A layer with its shapes for a batch, counted in values. */
interface Sized {
  readonly node: Node
  readonly inputs: number
  readonly outputs: number
  readonly weights: number
}

const B0: Architecture = { name: 'efficientnet-b0', widthMultiplier: 1, depthMultiplier: 1 }

/** How often a layer without a filter goes through its values. */
const PASSES: Readonly<Record<'norm' | 'squeeze-excite' | 'add' | 'other', Readonly<Record<Pass, number>>>> =
  {
    // Training: read for the statistics, then read and write with the activation. Its gradient: dy and x for the sums, both again, dx; the
    // activation's gradient rides along. Evaluation: a factor and a shift, in one pass with the activation.
    norm: { train: 3, backward: 5, evaluate: 2 },
    // Read for the mean; read and write to scale. Gradient: dy and x for the sums; dy, and dx.
    'squeeze-excite': { train: 3, backward: 4, evaluate: 3 },
    // Two read, one written. Gradient: the two branches' are added.
    add: { train: 3, backward: 3, evaluate: 3 },
    other: { train: 1, backward: 1, evaluate: 1 },
  }

/** B0's layers for a batch. */
function layersOf({ batch, sidePx }: Size): Sized[] {
  const sides = new Map([[IMAGES, sidePx]])
  return describeNetwork(B0, 1).nodes.map((node) => {
    const from = sides.get(node.input) ?? 1
    const to = node.kind === 'convolution' || node.kind === 'max-pool' ? Math.ceil(from / node.stride) : from
    sides.set(node.name, to)
    if (node.kind === 'convolution') {
      const perFilter = node.depthwise ? 1 : node.inputs
      const weights = node.outputs * perFilter * node.kernel * node.kernel
      return {
        node,
        inputs: batch * from * from * node.inputs,
        outputs: batch * to * to * node.outputs,
        weights,
      }
    }
    const channels = node.kind === 'classifier' ? node.features : node.channels
    const values = node.kind === 'classifier' ? batch * channels : batch * from * from * channels
    return { node, inputs: values, outputs: values, weights: 0 }
  })
}

function loadOf({ node, inputs, outputs, weights }: Sized, pass: Pass): WorkLoad {
  const name = pass === 'backward' ? `${node.name}, backward` : node.name
  if (node.kind !== 'convolution') {
    const { [pass]: passes } = node.kind in PASSES ? PASSES[node.kind as keyof typeof PASSES] : PASSES.other
    return { name, flops: 0, bytes: 4 * passes * outputs }
  }
  const flops = (2 * weights * outputs) / node.outputs
  if (pass !== 'backward') return { name, flops, bytes: 4 * (inputs + weights + outputs) }
  // Gradient of the input: reads dy and weights, writes dx. Of the filter: reads x and dy, writes dw.
  return { name, flops: 2 * flops, bytes: 4 * 2 * (inputs + outputs + weights) }
}

/** A forward pass alone, as evaluation does it. */
export function evaluationLoad(size: Size): WorkLoad[] {
  return layersOf(size).map((layer) => loadOf(layer, 'evaluate'))
}

/**
 * A whole MoMA step: teacher's logits, teacher's key pass, the student forward and backward, heads, attentions, contrast, momentum, SGD.
 * @param featureDim C. @param queueSize K.
 */
export function stepLoad(size: Size, featureDim: number, queueSize: number): WorkLoad[] {
  const layers = layersOf(size)
  const D = featureWidth(B0)
  const B = size.batch
  const parameters = layers.reduce((sum, { weights }) => sum + weights, 0)
  const head = D * D + D * featureDim
  const attention = 4 * featureDim * featureDim
  // Student: forward and two gradients. Teacher: one head, two attentions, forward.
  const dense = 2 * B * (3 * (head + attention) + head + 2 * attention)
  const contrast = 2 * B * featureDim * queueSize
  return [
    ...layers.map((layer) => loadOf(layer, 'evaluate')),
    ...layers.map((layer) => loadOf(layer, 'train')),
    ...layers.map((layer) => loadOf(layer, 'train')),
    ...layers.map((layer) => loadOf(layer, 'backward')),
    { name: 'heads and attentions', flops: dense, bytes: 4 * (4 * head + 5 * attention) },
    // Forward and the gradient of the query; the queue is read for each, the logits are written, read and their gradient written and read.
    { name: 'contrast', flops: 2 * contrast, bytes: 4 * (2 * queueSize * featureDim + 5 * B * queueSize) },
    // SGD reads weight, gradient and velocity, writes two of them; momentum reads two and writes one.
    { name: 'SGD and momentum', flops: 0, bytes: 4 * 8 * (parameters + head + attention) },
  ]
}

/** Sums of the parts. */
export function totalLoad(loads: readonly WorkLoad[]): { flops: number; bytes: number } {
  return {
    flops: loads.reduce((sum, { flops }) => sum + flops, 0),
    bytes: loads.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/**
 * Least time of the parts one after the other, in seconds: each takes as long as its computing or its moving, whichever is longer (the roofline
 * of Williams, Waterman and Patterson, CACM 2009).
 */
export function leastSeconds(loads: readonly WorkLoad[], { flopsPerSecond, bytesPerSecond }: Peak): number {
  return loads.reduce(
    (sum, { flops, bytes }) => sum + Math.max(flops / flopsPerSecond, bytes / bytesPerSecond),
    0,
  )
}
