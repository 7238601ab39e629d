import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type DataFlags, measureData } from '../../../../simulations/bench/verbs/data.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const FLAGS: DataFlags = {
  tiles: 4,
  stored: 16,
  tile: 16,
  batch: 2,
  augment: 'none',
  workers: 1,
  rounds: 1,
  engine: 'wasm',
  training: { batch: 2, sidePx: 16 },
}

describe('measureData()', () => {
  test('wants a folder that is there', async () => {
    const data = join(await temporaryFolder(), 'none')
    await expect(measureData({ ...FLAGS, data })).rejects.toMatchObject({
      code: 'ERR_DATA_FOLDER',
      message: 'data folder must be readable, got ENOENT',
    })
  })
  test('wants two classes', async () => {
    const data = await temporaryFolder()
    await mkdir(join(data, 'tumour'))
    await expect(measureData({ ...FLAGS, data })).rejects.toMatchObject({
      code: 'ERR_USAGE',
      message: 'data must have 2 or more class folders, got 1',
    })
  })
  test('wants the packages of its peer before it draws a tile', async () => {
    const { training: _, ...feeding } = FLAGS
    await expect(measureData({ ...feeding, python: '/nowhere/python' })).rejects.toMatchObject({
      code: 'ERR_BENCH_PEER',
    })
  })
})
