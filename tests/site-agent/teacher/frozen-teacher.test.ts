import { join } from 'node:path'
import type { OnnxTeacher } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { openFeatureCache } from '../../../site-agent/teacher/feature-cache.ts'
import { featureCacheFile, frozenTeacher } from '../../../site-agent/teacher/frozen-teacher.ts'
import type { TileTeacher } from '../../../site-agent/teacher/onnx-teacher.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const LENGTH = 2 * 2 * 3
/** Features: first value and its double; logit: its negative. Counts its calls. */
function counting(): TileTeacher & { calls: number } {
  const teacher = {
    calls: 0,
    featureWidth: 2,
    classes: 1,
    parallel: 3,
    async row([first = Number.NaN]: Float32Array) {
      teacher.calls++
      return Float32Array.of(first, 2 * first, -first)
    },
    dispose: async () => undefined,
  }
  return teacher
}
const batch = (...firsts: number[]): Float32Array =>
  Float32Array.from({ length: firsts.length * LENGTH }, (_, i) =>
    i % LENGTH === 0 ? (firsts[i / LENGTH] ?? 0) : 0.5,
  )

describe('frozenTeacher()', () => {
  test('gives each tile its row, in the order of the batch', async () => {
    const teacher = frozenTeacher(counting(), null)
    expect(await teacher.outputs(batch(1, 2, 3, 4, 5), 5, 2)).toEqual({
      features: Float32Array.of(1, 2, 2, 4, 3, 6, 4, 8, 5, 10),
      logits: Float32Array.of(-1, -2, -3, -4, -5),
    })
  })
  test('gives no logits when the teacher has none', async () => {
    const teacher = frozenTeacher({ ...counting(), classes: null }, null)
    expect((await teacher.outputs(batch(1), 1, 2)).logits).toBeNull()
  })
  test('asks for each view once, also over two runs, and for each size and value anew', async () => {
    const file = join(await temporaryFolder(), 'cache.rows')
    const first = counting()
    const cold = frozenTeacher(first, await openFeatureCache({ file, rowLength: 3, maxBytes: 1e6 }))
    const want = await cold.outputs(batch(1, 2, 3), 3, 2)
    expect(await cold.outputs(batch(3, 2, 1), 3, 2)).toEqual({
      features: Float32Array.of(3, 6, 2, 4, 1, 2),
      logits: Float32Array.of(-3, -2, -1),
    })
    expect(first.calls).toBe(3)
    await cold.dispose()
    const second = counting()
    const warm = frozenTeacher(second, await openFeatureCache({ file, rowLength: 3, maxBytes: 1e6 }))
    expect(await warm.outputs(batch(1, 2, 3), 3, 2)).toEqual(want)
    expect(second.calls).toBe(0)
    await warm.outputs(batch(1 + 1e-6), 1, 2)
    expect(second.calls).toBe(1)
    await warm.dispose()
  })
})

describe('featureCacheFile()', () => {
  const teacher: OnnxTeacher = {
    name: 'onnx',
    sha256: 'a'.repeat(64),
    task: 'same',
    momentum: 'frozen',
    featureWidth: 2,
    input: { tensor: 'image', sizePx: 16, layout: 'nchw', mean: [0, 0, 0], deviation: [1, 1, 1] },
    features: { tensor: 'flat', pool: 'none' },
    logits: { tensor: 'scores', classes: 2 },
  }
  test.each<[string, Partial<OnnxTeacher>]>([
    ['another file', { sha256: 'b'.repeat(64) }],
    ['another size', { input: { ...teacher.input, sizePx: 32 } }],
    ['another normalisation', { input: { ...teacher.input, mean: [0.5, 0, 0] } }],
    ['other features', { features: { tensor: 'map', pool: 'mean' } }],
    ['no logits', { logits: undefined }],
  ])('is another for %s', (_, change) => {
    expect(featureCacheFile('dir', { ...teacher, ...change })).not.toBe(featureCacheFile('dir', teacher))
    expect(featureCacheFile('dir', { ...teacher })).toBe(featureCacheFile('dir', teacher))
  })
})
