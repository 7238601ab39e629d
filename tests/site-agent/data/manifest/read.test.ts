import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseColumns } from '../../../../site-agent/data/manifest/columns.ts'
import { plainPath } from '../../../../site-agent/data/manifest/inside.ts'
import { listManifest } from '../../../../site-agent/data/manifest/read.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const options = { classes: ['normal', 'tumor'], allowMissingClasses: false }

/** Writes a manifest into a folder of its own and lists it. */
async function list(text: string | Uint8Array, more: object = {}) {
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'tiles.csv'), text)
  return listManifest(join(dir, 'tiles.csv'), { ...options, ...more })
}

describe('listManifest()', () => {
  test('lists path, label, patient, slide, group, scanner and split, in the lines’ order', async () => {
    const { tiles, hasParts, labels } = await list(
      'path,label,patient,slide,group,scanner,split\nb/1.png,tumor,P1,S1,g,Aperio,train\na.png,normal,P2,,,,Validation\n',
    )
    expect(hasParts).toBe(true)
    expect(tiles).toMatchObject([
      { name: 'b/1.png', label: 1, part: 'train', patient: 'P1', slide: 'S1', group: 'g', scanner: 'Aperio' },
      { name: 'a.png', label: 0, part: 'val', patient: 'P2' },
    ])
    expect(labels).toEqual([
      { label: 'normal', className: 'normal', tiles: 1 },
      { label: 'tumor', className: 'tumor', tiles: 1 },
    ])
  })

  test.each([
    ['semicolons', 'path;label\na.png;tumor\n'],
    ['tabs', 'path\tlabel\na.png\ttumor\n'],
    ['a mark of byte order, and Windows’ line ends', '\u{feff}path,label\r\na.png,tumor\r\n'],
    ['quotes', '"path","label"\n"a.png","tumor"\n'],
    ['other names of columns, and other columns', 'Image,stage,Diagnosis\na.png,II,tumor\n'],
    ['blank lines', 'path,label\n\na.png,tumor\n\n'],
  ])('reads %s', async (_, text) => {
    expect((await list(text)).tiles).toMatchObject([{ name: 'a.png', label: 1, part: 'train' }])
  })

  test('takes the columns that its owner names', async () => {
    const text = 'Datei,label,Befund\na.png,x,tumor\n'
    const columns = parseColumns('path=datei,label=Befund')
    expect((await list(text, { columns })).tiles).toMatchObject([{ name: 'a.png', label: 1 }])
    await expect(list(text)).rejects.toMatchObject({
      code: 'ERR_DATA_MANIFEST',
      message: 'manifest must have a column path or file or filename or image, got datei, label, befund',
    })
    expect(() => parseColumns('file=x')).toThrow('--columns must be ROLE=NAME')
  })

  test('maps labels to classes and leaves labels out', async () => {
    const labelMap = new Map([
      ['TUM', 'tumor'],
      ['artefact', null],
    ])
    const { tiles, labels } = await list('path,label\na,TUM\nb,artefact\nc,normal\n', { labelMap })
    expect(tiles.map(({ label }) => label)).toEqual([1, 0])
    expect(labels.find(({ label }) => label === 'artefact')).toEqual({
      label: 'artefact',
      className: null,
      tiles: 1,
    })
  })

  test('names labels that are no class', async () => {
    await expect(list('path,label\na,TUM\nb,NORM\n')).rejects.toMatchObject({
      code: 'ERR_DATA_CLASSES',
      message:
        'labels must be classes of the study (normal, tumor), got TUM, NORM: --map says which class a label is',
    })
  })

  const OUT = "must have a relative path inside the manifest's folder, got one that is empty or leads out"
  test.each([
    ['an absolute path', 'path,label\na,tumor\n/etc/x.png,tumor\n', `line 3 of the manifest ${OUT}`],
    ['a path upwards', 'path,label\n../x.png,tumor\n', `line 2 of the manifest ${OUT}`],
    ['a path upwards in the middle', 'path,label\na/../../x.png,tumor\n', `line 2 of the manifest ${OUT}`],
    [
      'a path upwards with backslashes',
      'path,label\na\\..\\..\\x.png,tumor\n',
      `line 2 of the manifest ${OUT}`,
    ],
    ['a drive', 'path,label\nC:\\x.png,tumor\n', `line 2 of the manifest ${OUT}`],
    ['no path', 'path,label\n,tumor\n', `line 2 of the manifest ${OUT}`],
    ['no label', 'path,label\na,\n', 'line 2 of the manifest must have a label, got an empty one'],
    [
      'a file twice',
      'path,label\na/b,tumor\nc,tumor\na//b,normal\n',
      'line 4 of the manifest must name a file once, got the file of line 2 again',
    ],
    [
      'an unknown split',
      'path,label,split\na,tumor,train\nb,tumor,\n',
      'line 3 of the manifest must have train, val or test as its split, got something else',
    ],
    [
      'a field too few',
      'path,label,patient\na,tumor,P\nb,tumor\n',
      /^line 3 of the manifest must have as many fields as the header.*got CSV_/,
    ],
    [
      'a quote without end',
      'path,label\n"a,tumor\n',
      /must have as many fields .* got CSV_QUOTE_NOT_CLOSED$/,
    ],
    ['an endless line', `path,label\n${'a'.repeat(20_000)},tumor\n`, /got CSV_MAX_RECORD_SIZE$/],
    [
      'a long patient',
      `path,label,patient\na,tumor,${'p'.repeat(257)}\n`,
      'line 2 of the manifest must have at most 256 characters as its patient, got 257',
    ],
    [
      'two columns that could be meant',
      'path,label,class\na,tumor,b\n',
      'manifest must have one column for label, got label and class: --columns says which',
    ],
    ['nothing', '', 'manifest must have a header and a line for each tile, got an empty file'],
    ['a header alone', 'path,label\n', 'manifest must have a line for each tile, got none'],
    [
      'too many columns',
      `path,label${',x'.repeat(255)}\n`,
      'manifest must have at most 256 columns, got 257',
    ],
  ])('refuses %s', async (_, text, message) => {
    await expect(list(text)).rejects.toMatchObject({
      code: 'ERR_DATA_MANIFEST',
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    })
  })

  test('refuses other encodings, and a file that is too large before it is read', async () => {
    await expect(list(Buffer.from('path,label\n', 'utf16le'))).rejects.toMatchObject({
      code: 'ERR_DATA_MANIFEST',
    })
    await expect(list(Buffer.from([0x70, 0xff, 0xfe]))).rejects.toMatchObject({
      message: 'manifest must be text in UTF-8, got another encoding or a binary file',
    })
    const file = join(await temporaryFolder(), 'huge.csv')
    await writeFile(file, '')
    await truncate(file, 64 * 1024 * 1024 + 1)
    await expect(listManifest(file, options)).rejects.toMatchObject({
      message: 'manifest must have at most 67108864 bytes, got 67108865',
    })
  })

  test('refuses a file and a folder whose links lead out, and takes links that stay inside', async () => {
    const dir = await temporaryFolder()
    const elsewhere = await temporaryFolder()
    await mkdir(join(dir, 'real'))
    await writeFile(join(dir, 'real', 'a.png'), '')
    await symlink('real', join(dir, 'inside'))
    await symlink(elsewhere, join(dir, 'outside'))
    await symlink(join(elsewhere, 'x.png'), join(dir, 'real', 'dangling.png'))
    await writeFile(join(elsewhere, 'there.png'), '')
    await symlink(join(elsewhere, 'there.png'), join(dir, 'real', 'link.png'))
    const file = join(dir, 'tiles.csv')
    const of = async (path: string) => {
      await writeFile(file, `path,label\n${path},tumor\n`)
      return (await listManifest(file, options)).tiles.length
    }
    expect(await of('real/a.png')).toBe(1)
    expect(await of('inside/a.png')).toBe(1)
    for (const path of ['outside/there.png', 'real/link.png', 'real/dangling.png']) {
      await expect(of(path)).rejects.toMatchObject({ code: 'ERR_DATA_MANIFEST' })
    }
  })
})

test('plainPath() never leads out of a folder', () => {
  const step = fc.constantFrom('..', '.', '', 'a', 'b.png', '/', '\\', 'C:', '\0')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.constantFrom('/', '\\'), (steps, separator) => {
      const path = plainPath(steps.join(separator))
      if (path === null) return
      expect(join('/folder', path).startsWith('/folder')).toBe(true)
      expect(join('/folder', path)).not.toMatch(/\.\./)
      expect(path.startsWith('/')).toBe(false)
    }),
  )
})
