import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { makeTiles } from '../../../simulations/bench/make-tiles.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('makeTiles()', () => {
  test('draws a folder a class, half JPEG and half PNG, of the side asked for', async () => {
    const folder = await temporaryFolder()
    const classes = await makeTiles({ folder, count: 8, storedPx: 16 })
    expect(await readdir(folder)).toEqual(classes)
    for (const name of classes) {
      const files = await readdir(join(folder, name))
      expect(
        files.map((file) => file.split('.')[1]).toSorted((a = '', b = '') => a.localeCompare(b)),
      ).toEqual(['jpg', 'png'])
      for (const file of files) {
        const { format, width, height } = await sharp(join(folder, name, file)).metadata()
        expect([format, width, height]).toEqual([file.endsWith('jpg') ? 'jpeg' : 'png', 16, 16])
      }
    }
  })
  test('draws the same files again', async () => {
    const [one, two] = [await temporaryFolder(), await temporaryFolder()]
    for (const folder of [one, two]) await makeTiles({ folder, count: 1, storedPx: 16 })
    const file = join('benign', '0.jpg')
    expect(await readFile(join(one, file))).toEqual(await readFile(join(two, file)))
  })
  test('stops when it is told to', async () => {
    const folder = await temporaryFolder()
    const drawing = makeTiles({ folder, count: 8, storedPx: 16, signal: AbortSignal.abort() })
    await expect(drawing).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
  })
})
