/** @file A tile as the trainer has it, turned into what an ONNX teacher was trained on: its size, its normalisation, its order of values. */
import { IMAGENET_DEVIATION, IMAGENET_MEAN } from '@tessera/shared/model'
import type { OnnxTeacher } from '@tessera/shared/protocol'
import { resizeSquare } from './resize.ts'

/**
 * Gives the teacher's input, [3, S, S] or [S, S, 3] with S = `input.sizePx`.
 *
 * With v the value from 0 to 1: the tile holds (v − m) / d by ImageNet's constants, the teacher wants (v − mean) / deviation, so each
 * value x becomes x · d / deviation + (m − mean) / deviation.
 * @param tile [sizePx, sizePx, 3], normalised by ImageNet's mean and deviation.
 */
export function prepareTile(
  tile: Float32Array,
  sizePx: number,
  { sizePx: size, layout, mean, deviation }: OnnxTeacher['input'],
): Float32Array {
  const resized = resizeSquare(tile, sizePx, size)
  const area = size * size
  const prepared = new Float32Array(area * 3)
  for (let channel = 0; channel < 3; channel++) {
    const divisor = deviation[channel] ?? 1
    const factor = (IMAGENET_DEVIATION[channel] ?? 1) / divisor
    const shift = ((IMAGENET_MEAN[channel] ?? 0) - (mean[channel] ?? 0)) / divisor
    const [start, step] = layout === 'nchw' ? [channel * area, 1] : [channel, 3]
    for (let i = 0; i < area; i++) {
      prepared[start + i * step] = (resized[i * 3 + channel] ?? 0) * factor + shift
    }
  }
  return prepared
}
