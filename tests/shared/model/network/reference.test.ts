import { readdirSync, readFileSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { startEngine } from '@tessera/shared/engine'
import { decodeSafetensors } from '@tessera/shared/model'
import { type CaseTensor, type ForwardCase, runForwardCase } from '@tessera/shared/model/network'
import { beforeAll, describe, expect, test } from 'vitest'

const folder = new URL('../../../parity/cases/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.startsWith('forward-'))

function readCase(file: string): { given: ForwardCase; expected: Map<string, CaseTensor> } {
  const { tensors, metadata } = decodeSafetensors(readFileSync(new URL(file, folder)))
  const group = (prefix: string): Map<string, CaseTensor> =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, { shape, data }]) => [name.slice(prefix.length), { shape, data: data as Float32Array }]),
    )
  const expected = group('expect.')
  const config: unknown = JSON.parse(metadata['config'] ?? '')
  return {
    expected,
    given: { config, inputs: group('input.'), params: group('param.'), expected: [...expected.keys()] },
  }
}

/** Largest difference, relative to the largest wanted value. */
function distance(got: Float32Array, want: Float32Array): number {
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return (
    want.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] ?? Number.NaN))), 0) / largest
  )
}

describe.each(['cpu', 'wasm'] as const)('runForwardCase() on %s', (engine) => {
  beforeAll(() => startEngine({ engine }))

  test.each(files)('gives the numbers of %s', (file) => {
    const { given, expected } = readCase(file)
    const before = tf.memory().numTensors
    const results = runForwardCase(given)
    expect(tf.memory().numTensors).toBe(before)
    expect([...results.keys()]).toEqual([...expected.keys()])
    for (const [name, { data }] of expected) {
      // The bounds of `tessera verify`.
      const bound = name.startsWith('loss') ? 1e-5 : 1e-4
      expect(distance(results.get(name) ?? new Float32Array(), data), name).toBeLessThan(bound)
    }
  })
})

describe('runForwardCase() on a faulty case', () => {
  const { given } = readCase('forward-eval-odd.safetensors')
  const config = given.config as Record<string, unknown>
  const images = given.inputs.get('images') ?? { shape: [], data: new Float32Array() }

  beforeAll(() => startEngine({ engine: 'cpu' }))

  test('reads NHWC too', () => {
    const [batch = 0, channels = 0, height = 0, width = 0] = images.shape
    const turned = tf.tidy(() =>
      tf
        .transpose(tf.tensor4d(images.data, [batch, channels, height, width]), [0, 2, 3, 1])
        .dataSync<'float32'>(),
    )
    const nhwc = { shape: [batch, height, width, channels], data: turned }
    const other = { ...given, config: { ...config, layout: 'NHWC' }, inputs: new Map([['images', nhwc]]) }
    expect(runForwardCase(other)).toEqual(runForwardCase(given))
  })

  test.each<[string, Partial<ForwardCase>, string]>([
    [
      'another naming',
      { config: { ...config, naming: 'timm' } },
      'case must have param.* of efficientnet-b0 width=0.1 depth=0.34 in timm names, got: missing conv_stem.weight',
    ],
    ['no config', { config: null }, 'must be that of a forward case'],
    [
      'other multipliers',
      { config: { ...config, widthMultiplier: 0.25 } },
      'got: of another shape features.3.0.block.3.0.weight [8, 48, 1, 1] for [16, 48, 1, 1], ',
    ],
    ['no images', { inputs: new Map() }, 'case must have tensor input.images, got none'],
    [
      'images of 3 dimensions',
      { inputs: new Map([['images', { ...images, shape: [2, 3, 1551] }]]) },
      'input.images must have 4 dimensions, got 3',
    ],
    [
      'too few values',
      { inputs: new Map([['images', { ...images, data: new Float32Array(3) }]]) },
      'input.images must have 9306 values, got 3',
    ],
    ['no parameters', { params: new Map() }, 'case must have the bias of a classifier in param.*, got none'],
    [
      'another network',
      { config: { ...config, architecture: 'vgg16' } },
      'config architecture must be that of a forward case, got "vgg16", not one of efficientnet-b0, ',
    ],
    [
      'statistics in eval mode',
      { expected: ['param.features.0.1.running_mean'] },
      'in mode eval computes, got param.features.0.1.running_mean',
    ],
    ['gradients without a loss', { expected: ['grad.classifier.1.bias'] }, 'got grad.classifier.1.bias'],
  ])('says ERR_CASE_FILE for %s', (_, change, message) => {
    expect(() => runForwardCase({ ...given, ...change })).toThrow(
      expect.objectContaining({ code: 'ERR_CASE_FILE', message: expect.stringContaining(message) }),
    )
  })
})
