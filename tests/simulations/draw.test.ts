import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openTiles } from '@tessera/site-agent/data'
import { describe, expect, test } from 'vitest'
import { type DrawOptions, drawTiles } from '../../simulations/draw.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const SMALL: DrawOptions = {
  hospitals: 2,
  patients: 2,
  tiles: 2,
  size: 24,
  classes: ['benign', 'grade-3'],
  seed: 'a',
}

describe('drawTiles()', () => {
  test('fills a folder a hospital, whose manifest a site can train on', async () => {
    const dir = await temporaryFolder()
    expect(await drawTiles(dir, SMALL)).toBe(16)
    expect((await readdir(dir)).toSorted()).toEqual(['hospital-1', 'hospital-2', 'labels.csv'])
    const tiles = await openTiles({
      dir: join(dir, 'hospital-2', 'tiles.csv'),
      classes: SMALL.classes,
      sizePx: 24,
    })
    expect(tiles.count).toBe(8)
    const rows = (await readFile(join(dir, 'labels.csv'), 'utf8')).trim().split('\n').slice(1)
    // A patient is of one class and one hospital.
    const classesOf = new Map<string, Set<string>>()
    for (const row of rows) {
      const [path = '', patient = ''] = row.split(',')
      const place = path.slice(0, path.lastIndexOf('/'))
      classesOf.set(patient, (classesOf.get(patient) ?? new Set()).add(place))
    }
    expect(classesOf.size).toBe(8)
    for (const places of classesOf.values()) expect(places.size).toBe(1)
  })
  test('draws the same bytes for the same options, and others for another seed', async () => {
    const [a, b, c] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()]
    await drawTiles(a, SMALL)
    await drawTiles(b, SMALL)
    await drawTiles(c, { ...SMALL, seed: 'b' })
    const tile = (dir: string): Promise<Buffer> => readFile(join(dir, 'hospital-1', 'benign', '0.png'))
    expect(await tile(b)).toEqual(await tile(a))
    expect(await tile(c)).not.toEqual(await tile(a))
  })
  test('never writes into a folder that has something in it', async () => {
    const dir = await temporaryFolder()
    await drawTiles(dir, SMALL)
    await expect(drawTiles(dir, SMALL)).rejects.toMatchObject({ code: 'ERR_USAGE' })
  })
})
