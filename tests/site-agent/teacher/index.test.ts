import { readdir, utimes, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describeOnnx, readOnnxModel } from '@tessera/shared/model/onnx'
import type { OnnxTeacher } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { featureCacheFile } from '../../../site-agent/teacher/frozen-teacher.ts'
import { openOnnxTeacher } from '../../../site-agent/teacher/index.ts'
import { classifierBytes } from '../../support/onnx-models.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const bytes = classifierBytes()
const teacher: OnnxTeacher = {
  name: 'onnx',
  task: 'same',
  momentum: 'frozen',
  sha256: sha256Hex(bytes),
  ...describeOnnx(readOnnxModel(bytes), 3, { mean: [0, 0, 0], deviation: [1, 1, 1] }),
}
const tiles = Float32Array.from({ length: 2 * 16 * 16 * 3 }, (_, i) => Math.sin(i))

describe('openOnnxTeacher()', () => {
  test('keeps features where views of a tile come again, and gives the same with and without', async () => {
    const dir = join(await temporaryFolder(), 'features')
    const outputs = []
    for (const augment of ['flips-and-stain', 'flips', 'none'] as const) {
      const opened = await openOnnxTeacher({ bytes, teacher, augment, dir })
      outputs.push(await opened.outputs(tiles, 2, 16))
      await opened.dispose()
      const files = await readdir(dir).catch(() => [])
      expect(files).toEqual(augment === 'flips-and-stain' ? [] : [basename(featureCacheFile(dir, teacher))])
    }
    expect(outputs[1]).toEqual(outputs[0])
    expect(outputs[2]).toEqual(outputs[0])
  })
  test('removes all but the last two caches of other teachers', async () => {
    const dir = await temporaryFolder()
    for (const [age, name] of ['newest.rows', 'newer.rows', 'old.rows', 'oldest.rows'].entries()) {
      await writeFile(join(dir, name), 'rows')
      await utimes(join(dir, name), 1_000_000 - age, 1_000_000 - age)
    }
    const opened = await openOnnxTeacher({ bytes, teacher, augment: 'none', dir })
    await opened.dispose()
    const own = basename(featureCacheFile(dir, teacher))
    expect((await readdir(dir)).toSorted()).toEqual([own, 'newer.rows', 'newest.rows'].toSorted())
  })
})
