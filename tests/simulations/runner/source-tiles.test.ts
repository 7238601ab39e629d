import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { commonScale, cutTile } from '../../../simulations/runner/cut.ts'
import { collectTiles, type SourceTile } from '../../../simulations/runner/source-tiles.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { noisePixels, writePng } from '../../support/tile-files.ts'

/** A folder `SITE/CLASS/NUMBER.png` with other pixels in each. */
async function dataFolder(files: readonly string[], size = 16): Promise<string> {
  const dir = await temporaryFolder()
  for (const file of files) await writePng(join(dir, file), noisePixels(file, size), size)
  return dir
}
const open = (dir: string): { dir: string; micronsPerPx: null } => ({ dir, micronsPerPx: null })

describe('collectTiles()', () => {
  test('takes site and class from folders, groups from labels.csv, and a group of its own for the rest', async () => {
    const dir = await dataFolder(['a/x/1.png', 'a/x/2.png', 'b/y/1.png'])
    await writeFile(join(dir, 'labels.csv'), 'path,group\na/x/1.png,p1\na/x/2.png,p1\n')
    await writeFile(join(dir, 'a', 'x', 'notes.txt'), 'no tile')
    const { tiles, duplicates } = await collectTiles([open(dir)], [], new Set())
    expect(duplicates).toBe(0)
    expect(tiles.map(({ site, label, group }) => [site, label, group])).toEqual([
      ['a', 'x', '0/group/p1'],
      ['a', 'x', '0/group/p1'],
      ['b', 'y', '0/tile/b/y/1.png'],
    ])
  })
  test('leaves out a file with the bytes of one that is there already, in another folder too', async () => {
    const first = await dataFolder(['a/x/1.png', 'a/y/1.png'])
    const second = await dataFolder(['a/x/1.png', 'b/x/2.png'])
    const { tiles, duplicates } = await collectTiles([open(first), open(second)], [], new Set())
    expect([tiles.length, duplicates]).toEqual([3, 1])
  })
  test('takes only the classes wanted, and refuses one that is nowhere', async () => {
    const dir = await dataFolder(['a/x/1.png', 'a/y/1.png', 'a/z/1.png'])
    const { tiles } = await collectTiles([open(dir)], ['z', 'x'], new Set())
    expect(tiles.map(({ label }) => label)).toEqual(['x', 'z'])
    await expect(collectTiles([open(dir)], ['x', 'w'], new Set())).rejects.toMatchObject({
      code: 'ERR_DATA_CLASSES',
      message: '--classes must name classes of the data, got w',
    })
  })
  test('refuses a folder that is not there or holds no tile', async () => {
    const empty = await temporaryFolder()
    await mkdir(join(empty, 'a', 'x'), { recursive: true })
    for (const dir of [empty, join(empty, 'nowhere')]) {
      await expect(collectTiles([open(dir)], [], new Set())).rejects.toMatchObject({
        code: 'ERR_DATA_FOLDER',
      })
    }
  })
})

const fileTile = (path: string, micronsPerPx: number | null): SourceTile => ({
  site: 'a',
  label: 'x',
  group: path,
  picture: { kind: 'file', path, micronsPerPx, sha256: '' },
})

describe('cutTile()', () => {
  test('shows the smallest field of all, from the centre, at the size asked for', async () => {
    const dir = await temporaryFolder()
    const fine = join(dir, 'fine.png')
    const coarse = join(dir, 'coarse.png')
    // 64 px of 0.25 µm are 16 µm; 32 px of 1 µm are 32 µm: the coarse tile is cut to its middle 16 px.
    await writePng(fine, noisePixels('fine', 64), 64)
    const middle = Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % 32, Math.floor(i / 96)]
      return x >= 8 && x < 24 && y >= 8 && y < 24 ? 200 : 10
    })
    await writePng(coarse, middle, 32)
    const tiles = [fileTile(fine, 0.25), fileTile(coarse, 1)]
    const scale = await commonScale(tiles, 32)
    expect(scale).toEqual({ fieldMicrons: 16, micronsPerPx: 0.5 })
    const cut = await cutTile({ kind: 'file', path: coarse, micronsPerPx: 1, sha256: '' }, scale, 32)
    const { data, info } = await sharp(cut).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height, info.channels]).toEqual([32, 32, 3])
    expect(Math.min(...data)).toBe(200)
  })
  test('takes the largest square when a scale is not known', async () => {
    const file = join(await temporaryFolder(), 'wide.png')
    await sharp({ create: { width: 40, height: 20, channels: 3, background: '#c080c0' } })
      .png()
      .toFile(file)
    const scale = await commonScale([fileTile(file, null), fileTile(file, 1)], 24)
    expect(scale.fieldMicrons).toBeNull()
    const cut = await cutTile({ kind: 'file', path: file, micronsPerPx: null, sha256: '' }, scale, 24)
    expect(await sharp(cut).metadata()).toMatchObject({ width: 24, height: 24, format: 'png' })
  })
  test('refuses what is no RGB picture', async () => {
    const dir = await temporaryFolder()
    const grey = join(dir, 'grey.png')
    const broken = join(dir, 'broken.png')
    await writePng(grey, noisePixels('grey', 16, 1), 16, 1)
    await writeFile(broken, 'no picture')
    const scale = { fieldMicrons: null, micronsPerPx: null }
    await expect(
      cutTile({ kind: 'file', path: grey, micronsPerPx: null, sha256: '' }, scale, 16),
    ).rejects.toMatchObject({
      code: 'ERR_DATA_TILE_NOT_RGB',
    })
    await expect(
      cutTile({ kind: 'file', path: broken, micronsPerPx: null, sha256: '' }, scale, 16),
    ).rejects.toMatchObject({
      code: 'ERR_DATA_TILE_UNREADABLE',
    })
  })
})
