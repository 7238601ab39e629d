/** @file One row of features from what a model gives for one tile: a row, a map, or tokens. */
import { TensorShapeError } from '@tessera/shared/errors'
import type { OnnxTeacher } from '@tessera/shared/protocol'

/**
 * Gives D features: the row itself of [1, D]; the mean over a map [1, D, H, W] or [1, H, W, D], whose order is the input's; of tokens
 * [1, T, D] the mean or the first.
 * @throws {TensorShapeError} If the output is none of these with the study's D.
 */
export function poolFeatures(
  values: Float32Array,
  shape: readonly number[],
  {
    featureWidth,
    features: { pool },
    input: { layout },
  }: Pick<OnnxTeacher, 'featureWidth' | 'features' | 'input'>,
): Float32Array {
  const channelsFirst = shape.length === 4 && layout === 'nchw'
  const width = channelsFirst ? shape[1] : shape.at(-1)
  const count = values.length / featureWidth
  const fits = shape.length >= 2 && shape.length <= 4 && width === featureWidth && shape[0] === 1
  if (!fits || (pool === 'none' && count !== 1) || count < 1) {
    throw new TensorShapeError('features of the teacher', [1, '…', featureWidth], shape)
  }
  if (pool !== 'mean') return values.slice(0, featureWidth)
  const [step, stride] = channelsFirst ? [1, count] : [featureWidth, 1]
  return Float32Array.from({ length: featureWidth }, (_, feature) => {
    let sum = 0
    for (let place = 0; place < count; place++) sum += values[feature * stride + place * step] ?? 0
    return sum / count
  })
}
