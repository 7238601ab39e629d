import {
  backboneLayout,
  decodeModel,
  encodeSafetensors,
  initialWeights,
  type Layout,
} from '@tessera/shared/model'
import { describe, expect, test } from 'vitest'
import { tiny } from './support.ts'

const layout = backboneLayout(tiny, 3)
const weights = initialWeights(layout, 'a seed')
const bytes = encodeSafetensors(layout, weights)

/** The model with one tensor changed. */
function changed(name: string, change: Partial<Layout['tensors'][number]>, values: Float32Array): Uint8Array {
  const tensors = layout.tensors.map((spec) => (spec.name === name ? { ...spec, ...change } : spec))
  const given = new Map(
    [...weights].map(([key, old]) => (key === name ? [change.name ?? name, values] : [key, old])),
  )
  return encodeSafetensors({ ...layout, tensors }, given)
}

describe('decodeModel()', () => {
  test('gives the weights back, in the order of the layout', () => {
    expect([...decodeModel(bytes, layout)]).toEqual([...weights])
    const backwards = { ...layout, tensors: layout.tensors.toReversed() }
    const reversed = encodeSafetensors(backwards, new Map([...weights].toReversed()))
    expect([...decodeModel(reversed, layout)]).toEqual([...weights])
  })

  test('passes over the counters of a torchvision file', () => {
    const counter = { name: 'features.0.1.num_batches_tracked', shape: [], kind: 'counter' } as const
    const more = { ...layout, tensors: [...layout.tensors, counter] }
    const file = encodeSafetensors(more, new Map([...weights, [counter.name, Float32Array.of(7)]]))
    expect(decodeModel(file, layout)).toEqual(weights)
  })

  test('says ERR_LAYOUT_MISMATCH when a tensor is missing, added or of another shape or dtype', () => {
    const bias = 'classifier.1.bias'
    const cases: [Uint8Array, string][] = [
      [
        changed(bias, { name: 'other' }, new Float32Array(3)),
        'model file must have tensor classifier.1.bias, got none',
      ],
      [
        changed(bias, { shape: [4] }, new Float32Array(4)),
        'tensor classifier.1.bias must have shape [3], got [4]',
      ],
      [changed(bias, { shape: [1, 3] }, new Float32Array(3)), 'must have shape [3], got [1, 3]'],
      [
        Buffer.from(Buffer.from(bytes).toString('latin1').replace('"F32"', '"I32"'), 'latin1'),
        'must have dtype F32, got I32',
      ],
    ]
    for (const [file, message] of cases) {
      expect(() => decodeModel(file, layout)).toThrow(
        expect.objectContaining({ code: 'ERR_LAYOUT_MISMATCH', message: expect.stringContaining(message) }),
      )
    }
    const fewer = { ...layout, tensors: layout.tensors.slice(0, -1) }
    expect(() => decodeModel(bytes, fewer)).toThrow(
      expect.objectContaining({
        code: 'ERR_LAYOUT_MISMATCH',
        message: `model file must have the layout's ${layout.tensors.length - 1} tensors only, got "classifier.1.bias" too`,
      }),
    )
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('says ERR_MODEL_FILE when a value is %d', (value) => {
    const file = changed('classifier.1.bias', {}, Float32Array.of(0, value, 0))
    expect(() => decodeModel(file, layout)).toThrow(
      expect.objectContaining({
        code: 'ERR_MODEL_FILE',
        message: 'tensor classifier.1.bias must have finite values only, got NaN or infinity',
      }),
    )
  })

  test('says ERR_MODEL_FILE when the file is no model', () => {
    expect(() => decodeModel(new Uint8Array(100), layout)).toThrow(
      expect.objectContaining({ code: 'ERR_MODEL_FILE' }),
    )
  })
})
