import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isSlideFolder, listSlides } from '../../../../site-agent/data/wsi/slide-folder.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

async function folderOf(files: readonly string[], folders: readonly string[] = []): Promise<string> {
  const dir = await temporaryFolder()
  for (const name of files) await writeFile(join(dir, name), '')
  for (const name of folders) await mkdir(join(dir, name))
  return dir
}

describe('isSlideFolder()', () => {
  test.each<[string, string[], string[], boolean]>([
    ['slides', ['a.svs', 'b.NDPI'], [], true],
    ['an .mrxs with its folder', ['a.mrxs'], ['a'], true],
    ['slides and hidden folders', ['a.tif'], ['.cache'], true],
    ['class folders', [], ['tumour'], false],
    ['class folders beside a stray .tif', ['overview.tif'], ['tumour', 'normal'], false],
    ['class folders with a slides.yaml', ['a.svs', 'slides.yaml'], ['old'], true],
    ['pictures', ['a.png'], [], false],
    ['nothing', [], [], false],
  ])('of %s', async (_, files, folders, want) => {
    expect(await isSlideFolder(await folderOf(files, folders))).toBe(want)
  })
  test('counts a linked class folder as a folder', async () => {
    const dir = await folderOf(['a.tif'])
    await symlink(await temporaryFolder(), join(dir, 'tumour'))
    expect(await isSlideFolder(dir)).toBe(false)
  })
  test('is false for a folder that is not there', async () => {
    expect(await isSlideFolder('/no/such/folder')).toBe(false)
  })
})

describe('listSlides()', () => {
  test('finds annotations by both names, the longer one and .geojson first', async () => {
    const slides = ['c.svs', 'b.tif', 'a.ndpi', 'B.svs', '.hidden.svs']
    const drawn = ['c.csv', 'c.geojson', 'b.tif.geojson', 'b.geojson', 'a.csv']
    const dir = await folderOf([...slides, ...drawn, 'slides.yaml', 'notes.txt'])
    const found = await listSlides(dir)
    expect(found.slides.map(({ name, annotations }) => [name, annotations && basename(annotations)])).toEqual(
      [
        ['B.svs', null],
        ['a.ndpi', 'a.csv'],
        ['b.tif', 'b.tif.geojson'],
        ['c.svs', 'c.geojson'],
      ],
    )
    // b.geojson, c.csv and notes.txt.
    expect(found.otherFiles).toBe(3)
  })
  test('refuses a folder without slides, and one that is not there, without a path', async () => {
    await expect(listSlides(await folderOf(['slides.yaml']))).rejects.toMatchObject({
      code: 'ERR_DATA_FOLDER',
      message: 'data must have at least 1 slide, got none',
    })
    await expect(listSlides('/no/such/patient')).rejects.toMatchObject({
      code: 'ERR_DATA_FOLDER',
      message: expect.not.stringContaining('patient'),
    })
  })
})
