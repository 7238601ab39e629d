/**
 * @file How much a step of the contest has to compute and to move, counted from the layers' shapes, and how long it must therefore take.
 *
 * Computing: multiplications and additions of convolutions, linear layers, attentions and the contrast; 2 a product. Element by element work is
 * not counted, it is bound by memory. Moving: each layer reads its input and weights once and writes its output once, 4 bytes a value; norm,
 * activation and the block's scaling count as passes of their own where they must be, because training's norm needs the whole batch before it can
 * write: convolution writes, statistics read, norm with swish reads and writes. Smaller tensors that stay in a cache are counted all the same.
 */
import { type Architecture, featureWidth, plan } from '@tessera/shared/model'
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

/** One convolution with its norm and activation, as shapes of a batch. */
interface Layer {
  readonly name: string
  readonly inputs: number
  readonly outputs: number
  readonly weights: number
  readonly flops: number
  /** Passes over the output besides the convolution's own write: [forward in training, backward, forward in evaluation]. */
  readonly passes: readonly [number, number, number]
}

/**
 * Training's norm: read for the statistics, read and write with the activation. Its gradient: read dy and x for the sums, read both and write dx;
 * swish's gradient rides along. Evaluation: the norm is a factor and a shift, in the same pass as the activation: read, write.
 */
const NORM = [3, 5, 2] as const
/** The block's scaling: read for the pool; read and write to scale. Gradient: read dy and x for the sums; read dy, write dx, and x's own read. */
const SQUEEZE = [3, 5, 3] as const
const B0: Architecture = { name: 'efficientnet-b0', widthMultiplier: 1, depthMultiplier: 1 }

/** Layers of a backbone for a batch. */
function layersOf(architecture: Architecture, { batch, sidePx }: Size): Layer[] {
  const { stemChannels, blocks, lastName, lastChannels } = plan(architecture)
  const layers: Layer[] = []
  const conv = (
    name: string,
    [from, to]: readonly [number, number],
    [inSide, outSide]: readonly [number, number],
    kernel: number,
    groups: number,
    passes: Layer['passes'],
  ): void => {
    const weights = (to * from * kernel * kernel) / groups
    const outputs = batch * outSide * outSide * to
    layers.push({
      name,
      inputs: batch * inSide * inSide * from,
      outputs,
      weights,
      flops: 2 * batch * outSide * outSide * weights,
      passes,
    })
  }
  let side = Math.ceil(sidePx / 2)
  conv('features.0', [3, stemChannels], [sidePx, side], 3, 1, NORM)
  for (const { name, inputChannels, expandedChannels, outputChannels, kernel, stride } of blocks) {
    const next = Math.ceil(side / stride)
    if (expandedChannels !== inputChannels) {
      conv(`${name} expand`, [inputChannels, expandedChannels], [side, side], 1, 1, NORM)
    }
    const both = NORM.map((passes, i) => passes + (SQUEEZE[i] ?? 0)) as [number, number, number]
    conv(
      `${name} depthwise`,
      [expandedChannels, expandedChannels],
      [side, next],
      kernel,
      expandedChannels,
      both,
    )
    conv(`${name} project`, [expandedChannels, outputChannels], [next, next], 1, 1, NORM)
    side = next
  }
  conv(lastName, [blocks.at(-1)?.outputChannels ?? stemChannels, lastChannels], [side, side], 1, 1, NORM)
  return layers
}

type Kind = 'train' | 'evaluate' | 'backward'

function layerLoad(layer: Layer, kind: Kind): WorkLoad {
  const { name, inputs, outputs, weights, flops, passes } = layer
  if (kind === 'backward') {
    // Gradient of the input: reads dy and weights, writes dx. Of the filter: reads x and dy, writes dw.
    const values = 2 * inputs + 2 * outputs + 2 * weights + passes[1] * outputs
    return { name: `${name}, backward`, flops: 2 * flops, bytes: 4 * values }
  }
  const extra = kind === 'train' ? passes[0] : passes[2]
  return { name, flops, bytes: 4 * (inputs + weights + outputs + extra * outputs) }
}

/** A forward pass alone, as evaluation does it. */
export function evaluationLoad(size: Size): WorkLoad[] {
  return layersOf(B0, size).map((layer) => layerLoad(layer, 'evaluate'))
}

/**
 * A whole MoMA step: teacher's logits, teacher's key pass, the student forward and backward, heads, attentions, contrast, momentum, SGD.
 * @param featureDim C. @param queueSize K.
 */
export function stepLoad(size: Size, featureDim: number, queueSize: number): WorkLoad[] {
  const layers = layersOf(B0, size)
  const D = featureWidth(B0)
  const B = size.batch
  const parameters = layers.reduce((sum, { weights }) => sum + weights, 0)
  const head = D * D + D * featureDim
  const attention = 4 * featureDim * featureDim
  // Student: forward and two gradients. Teacher: one head, two attentions, forward.
  const dense = 2 * B * (3 * (head + attention) + head + 2 * attention)
  const contrast = 2 * B * featureDim * queueSize
  return [
    ...layers.map((layer) => layerLoad(layer, 'evaluate')),
    ...layers.map((layer) => layerLoad(layer, 'train')),
    ...layers.map((layer) => layerLoad(layer, 'train')),
    ...layers.map((layer) => layerLoad(layer, 'backward')),
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
