import { decodeSafetensors } from '@tessera/shared/model'
import type { MomaMethod } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { benchStudy, benchWeights } from '../../../../simulations/bench/contenders/bench-study.ts'
import { encodeStart } from '../../../../simulations/bench/contenders/start-file.ts'

const SIDE = 16
const study = benchStudy({ batch: 2, sidePx: SIDE }, { masking: false })
const batch = {
  images: Float32Array.from({ length: 2 * SIDE * SIDE * 3 }, (_, i) => i),
  labels: Int32Array.of(4, 7),
  indices: Int32Array.of(0, 1),
  size: 2,
}
const method = { ...(study.method as MomaMethod), queueSize: 3 }
const queue = Float32Array.from({ length: 3 * method.featureDim }, (_, i) => i)

describe('encodeStart()', () => {
  const { tensors } = decodeSafetensors(encodeStart(study, method, queue, batch))
  test('has the networks, heads and attentions under the names that PyTorch’s modules have', () => {
    const groups = new Set([...tensors.keys()].map((name) => name.split('.')[0] ?? ''))
    expect([...groups].toSorted().join(' ')).toBe(
      'attention_key attention_query attention_queue images labels queue student student_head teacher teacher_head',
    )
    const name = 'features.0.0.weight'
    expect(tensors.get(`student.${name}`)).toMatchObject({
      shape: [32, 3, 3, 3],
      data: benchWeights(study).student.get(name),
    })
  })
  test('has images channel by channel: value c of pixel (y, x) of tile b', () => {
    const images = tensors.get('images')
    expect(images?.shape).toEqual([2, 3, SIDE, SIDE])
    const [b, c, y, x] = [1, 2, 5, 3]
    expect(images?.data[((b * 3 + c) * SIDE + y) * SIDE + x]).toBe(((b * SIDE + y) * SIDE + x) * 3 + c)
  })
  test('has queue and labels', () => {
    expect(tensors.get('queue')).toMatchObject({ shape: [3, method.featureDim], data: queue })
    expect([...(tensors.get('labels')?.data ?? [])]).toEqual([4, 7])
  })
})

describe('benchStudy()', () => {
  test('trains as the paper does: C 512, K 16384, the three losses, dropout and stochastic depth of the default', () => {
    const { student, method } = benchStudy({ batch: 16, sidePx: 128 }, { masking: true })
    expect(method).toMatchObject({
      name: 'moma',
      featureDim: 512,
      queueSize: 16_384,
      weights: { ce: 1, kl: 1, nce: 1 },
    })
    expect(student).toMatchObject({ dropout: 0.2, stochasticDepth: 0.2, widthMultiplier: 1 })
    expect(study.student).toMatchObject({ dropout: 0, stochasticDepth: 0 })
  })
})
