import * as tf from '@tensorflow/tfjs-core'
import type { CrdMethod } from '@tessera/shared/protocol'
import { assert, integer, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crdLoss, negativeWeights } from '../../../site-agent/distill/crd-loss.ts'
import { crdMemory, drawTiles, MEMORY, remembered } from '../../../site-agent/distill/methods/crd-memory.ts'
import { unitRows } from '../../../site-agent/distill/unit-rows.ts'
import { expectGradient, leaked, makeStudy, matrix, onEachEngine } from './support.ts'
import '../../support/allclose.ts'

const settings = makeStudy({ method: { name: 'crd', featureDim: 4, negatives: 3 } }).method as CrdMethod
const ints = (...values: number[]): tf.Tensor1D => tf.tensor1d(values, 'int32')
const unit = (name: string, rows: number, columns: number): tf.Tensor2D =>
  unitRows(matrix(name, rows, columns))

/** Three tiles, four drawn ones, of seven. */
const contrast = (features: tf.Tensor2D) => ({
  features,
  own: unit('own', 3, 5),
  drawn: unit('drawn', 4, 5),
  weights: negativeWeights(ints(0, 1, 1), ints(0, 1, 2, 2)),
})

onEachEngine('crdLoss()', () => {
  test('has the gradient of finite differences, with the scale of earlier batches', () => {
    const loss = (x: tf.Tensor): tf.Scalar => crdLoss(contrast(x as tf.Tensor2D), 7, 0.5, tf.scalar(9)).loss
    expectGradient(loss, unit('features', 3, 5), [0, 7, 14])
  })

  test('sets the scale in the first batch and keeps it afterwards', () => {
    const features = unit('features', 3, 5)
    const first = crdLoss(contrast(features), 7, 0.5, tf.scalar(-1)).scale
    expect(first.dataSync()[0]).toBeGreaterThan(0)
    expect(crdLoss(contrast(unit('others', 3, 5)), 7, 0.5, first).scale.dataSync()).toEqual(first.dataSync())
  })

  test('is less for a tile near its own row than for one near the others', () => {
    const { own, drawn } = contrast(unit('features', 3, 5))
    const far = tf.tile(tf.slice(drawn, [2, 0], [1, 5]), [3, 1])
    const at = (x: tf.Tensor2D): number => crdLoss(contrast(x), 7, 0.5, tf.scalar(9)).loss.dataSync()[0] ?? 0
    expect(at(own)).toBeLessThan(at(far))
  })

  test('refuses rows that do not fit', () => {
    const all = contrast(unit('features', 3, 5))
    expect(() => crdLoss({ ...all, own: matrix('o', 2, 5) }, 7, 1, tf.scalar(1))).toThrow(
      'own rows must have shape [3, 5], got [2, 5]',
    )
    expect(() => crdLoss({ ...all, weights: matrix('w', 3, 5) }, 7, 1, tf.scalar(1))).toThrow(
      'weights must have shape [3, 4], got [3, 5]',
    )
  })

  test('leaves no tensor behind', () => {
    const [all, scale] = [contrast(unit('features', 3, 5)), tf.scalar(-1)]
    expect(leaked(() => Object.values(crdLoss(all, 7, 1, scale)))).toBe(0)
  })
})

onEachEngine('negativeWeights()', () => {
  test('makes the tiles of other classes stand for all that were drawn', () => {
    expect(negativeWeights(ints(0, 1), ints(0, 0, 1, 2)).arraySync()).toEqual([
      [0, 0, 2, 2],
      [4 / 3, 4 / 3, 0, 4 / 3].map(Math.fround),
    ])
  })
  test('gives none to a tile when every drawn one is of its class', () => {
    expect(negativeWeights(ints(1), ints(1, 1)).arraySync()).toEqual([[0, 0]])
  })
})

onEachEngine('remembered()', () => {
  test('moves the rows of the batch, to unit length, and no other; the memory given stays', () => {
    const memory = matrix('memory', 4, 3)
    const before = memory.arraySync()
    const features = matrix('features', 2, 3)
    const [a, b] = features.arraySync()
    const mixed = (old: number[] = [], now: number[] = []): number[] => {
      const row = old.map((value, c) => 0.25 * value + 0.75 * (now[c] ?? 0))
      return row.map((value) => value / Math.hypot(...row))
    }
    const want = [before[0], mixed(before[1], b), before[2], mixed(before[3], a)] as number[][]
    expect(remembered(memory, ints(3, 1), features, 0.25).dataSync()).toBeAllclose(want.flat(), {
      absolute: 1e-6,
    })
    expect(memory.arraySync()).toEqual(before)
  })
  test('leaves no tensor behind', () => {
    const [memory, features, own] = [matrix('m', 4, 3), matrix('f', 1, 3), ints(2)]
    expect(leaked(() => remembered(memory, own, features, 0.5))).toBe(0)
  })
})

describe('drawTiles()', () => {
  test('draws as many different tiles as wanted, the same for the same seed', () => {
    assert(
      property(integer({ min: 1, max: 60 }), integer({ min: 1, max: 80 }), string(), (n, count, seed) => {
        const drawn = drawTiles(n, count, seed)
        expect(new Set(drawn).size).toBe(Math.min(n, count))
        expect(drawn.every((tile) => tile >= 0 && tile < n)).toBe(true)
        expect(drawTiles(n, count, seed)).toEqual(drawn)
      }),
    )
  })
  test('draws every tile about as often as any other', () => {
    const counts = Array.from({ length: 10 }, () => 0)
    for (let i = 0; i < 2000; i++)
      for (const tile of drawTiles(10, 3, `draw-${i}`)) counts[tile] = (counts[tile] ?? 0) + 1
    // 600 expected each, deviation √(2000·0.3·0.7) ≈ 20; the draws are seeded.
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(100)
  })
})

describe('crdMemory()', () => {
  test('has a row a tile on both sides, and no scale yet', () => {
    const memory = crdMemory(settings, 6, 'seed', null)
    expect(memory.specs.map(({ name, shape }) => [name, shape])).toEqual([
      [MEMORY.student, [6, 4]],
      [MEMORY.teacher, [6, 4]],
      [MEMORY.scale, [2]],
    ])
    expect(memory.weights().get(MEMORY.scale)).toEqual(Float32Array.of(-1, -1))
    expect(memory.drawn).toBe(3)
  })
  test('goes on with the rows that were kept, but begins anew when the site has more tiles or fewer', () => {
    const kept = crdMemory(settings, 6, 'other seed', null).weights()
    const state = { tensors: kept as ReadonlyMap<string, Float32Array>, counters: {} }
    expect(crdMemory(settings, 6, 'seed', state).weights()).toEqual(kept)
    const anew = crdMemory(settings, 7, 'seed', null).weights()
    expect(crdMemory(settings, 7, 'seed', state).weights()).toEqual(anew)
  })
  test('refuses more tiles than it may have rows', () => {
    expect(() => crdMemory(settings, 300_000, 'seed', null)).toThrow(
      expect.objectContaining({
        code: 'ERR_DATA_FOLDER',
        message:
          'data must have at most 262144 tiles for method crd, whose memory has a row for each, got 300000',
      }),
    )
  })
})
