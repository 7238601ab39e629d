/**
 * @file The two random maskings of training, drawn from a seeded stream so that a step repeats bit for bit. They are drawn before a pass and
 * handed to it as tensors: a pass itself holds no chance, so that it can be recorded.
 */
import type * as tf from '@tensorflow/tfjs-core'
import type { NamedValues, Values } from '../../engine/stepper.ts'
import type { Random } from '../../random.ts'
import type { Graph } from '../graph.ts'

export interface NoiseSettings {
  /** Probability to drop a feature before the classifier, in [0, 1]. */
  readonly dropout: number
  /** Probability to drop the last block's branch, rising linearly from 0 at the first block. */
  readonly stochasticDepth: number
}

/** Maskings of one pass by name: `noise.dropout` [B, D], `noise.branch.<block>` [B, 1, 1, C]. Absent: nothing is masked. */
export type Noise = ReadonlyMap<string, tf.Tensor>

export const DROPOUT_MASK = 'noise.dropout'
export const branchMaskName = (block: number): string => `noise.branch.${block}`

/**
 * Draws the maskings of a pass over `rows` images. As torchvision: block i of n drops with probability p · i / n, each row by itself; what is
 * kept is divided by 1 − probability.
 *
 * Sources: Huang et al., ECCV 2016, https://arxiv.org/abs/1603.09382; Srivastava et al., JMLR 2014,
 * https://jmlr.org/papers/v15/srivastava14a.html
 */
export function drawNoise(
  random: Random,
  { nodes, blocks, features }: Graph,
  rows: number,
  { dropout, stochasticDepth }: NoiseSettings,
): NamedValues {
  const noise = new Map<string, Values>()
  if (stochasticDepth > 0) {
    for (const node of nodes) {
      if (node.kind !== 'add' || node.block === 0) continue
      const probability = (stochasticDepth * node.block) / blocks
      noise.set(branchMaskName(node.block), rowMask(random, rows, node.channels, probability))
    }
  }
  if (dropout > 0) noise.set(DROPOUT_MASK, elementMask(random, rows, features, dropout))
  return noise
}

/** One draw a row. */
function rowMask(random: Random, rows: number, channels: number, probability: number): Values {
  const values = new Float32Array(rows * channels)
  for (let row = 0; row < rows; row++) {
    values.fill(draw(random, probability), row * channels, (row + 1) * channels)
  }
  return { shape: [rows, 1, 1, channels], values }
}

/** One draw an element. */
function elementMask(random: Random, rows: number, width: number, probability: number): Values {
  return {
    shape: [rows, width],
    values: new Float32Array(rows * width).map(() => draw(random, probability)),
  }
}

function draw(random: Random, probability: number): number {
  return random.float() < probability ? 0 : 1 / (1 - probability)
}
