/** @file The two random maskings of training, drawn from a seeded stream so that a step repeats bit for bit. */
import * as tf from '@tensorflow/tfjs-core'
import type { Random } from '../../random.ts'

/**
 * Returns a mask [rows, 1, 1, channels] for a residual branch, one draw a row: 0 with the given probability, else
 * 1 / (1 − probability).
 *
 * Source: Huang et al., ECCV 2016, https://arxiv.org/abs/1603.09382; as torchvision's StochasticDepth in mode `row`.
 */
export function rowMask(random: Random, rows: number, channels: number, probability: number): tf.Tensor4D {
  const mask = new Float32Array(rows * channels)
  for (let row = 0; row < rows; row++) {
    mask.fill(draw(random, probability), row * channels, (row + 1) * channels)
  }
  return tf.tensor4d(mask, [rows, 1, 1, channels])
}

/**
 * Returns a mask [rows, width], one draw an element: 0 with the given probability, else 1 / (1 − probability).
 *
 * Source: Srivastava et al., JMLR 2014, https://jmlr.org/papers/v15/srivastava14a.html
 */
export function elementMask(
  random: Random,
  [rows, width]: readonly [number, number],
  probability: number,
): tf.Tensor2D {
  const mask = new Float32Array(rows * width).map(() => draw(random, probability))
  return tf.tensor2d(mask, [rows, width])
}

function draw(random: Random, probability: number): number {
  return random.float() < probability ? 0 : 1 / (1 - probability)
}
