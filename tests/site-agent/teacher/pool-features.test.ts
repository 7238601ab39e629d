import { describe, expect, test } from 'vitest'
import { poolFeatures } from '../../../site-agent/teacher/pool-features.ts'
import { thrownBy } from '../../support/errors.ts'

const ZERO: [number, number, number] = [0, 0, 0]
const ONE: [number, number, number] = [1, 1, 1]
const teacher = (pool: 'none' | 'mean' | 'first', layout: 'nchw' | 'nhwc' = 'nchw') => ({
  featureWidth: 2,
  features: { tensor: 'features', pool },
  input: { tensor: 'image', sizePx: 16, layout, mean: ZERO, deviation: ONE },
})
const six = Float32Array.of(1, 2, 3, 5, 7, 12)

describe('poolFeatures()', () => {
  test.each([
    ['a row', [1, 2], teacher('none'), [1, 2]],
    ['the mean of a map, channels first', [1, 2, 3, 1], teacher('mean'), [2, 8]],
    ['the mean of a map, channels last', [1, 1, 3, 2], teacher('mean', 'nhwc'), [11 / 3, 19 / 3]],
    ['the mean of tokens', [1, 3, 2], teacher('mean'), [11 / 3, 19 / 3]],
    ['the first of tokens', [1, 3, 2], teacher('first'), [1, 2]],
  ])('gives %s', (_, shape, of, want) => {
    const values = six.slice(
      0,
      shape.reduce((product, size) => product * size, 1),
    )
    expect(poolFeatures(values, shape, of)).toEqual(Float32Array.from(want))
  })
  test.each([
    ['another width', [1, 3, 1, 2], teacher('mean')],
    ['two tiles', [2, 2], teacher('none')],
    ['a map where a row is meant', [1, 2, 3, 1], teacher('none')],
    ['no dimensions', [], teacher('none')],
  ])('refuses %s', (_, shape, of) => {
    expect(thrownBy(() => poolFeatures(six, shape, of))).toMatchObject({ code: 'ERR_TENSOR_SHAPE' })
  })
})
