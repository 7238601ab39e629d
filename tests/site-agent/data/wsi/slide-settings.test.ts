import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseSlideSettings, readSlideSettings } from '../../../../site-agent/data/wsi/slide-settings.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

describe('readSlideSettings()', () => {
  test('has its defaults where there is no file, and where it is empty', async () => {
    const dir = await temporaryFolder()
    const defaults = { micronsPerPixel: 0.5, tissueShare: 0.5, labelShare: 0.5 }
    expect(await readSlideSettings(dir)).toMatchObject(defaults)
    await writeFile(join(dir, 'slides.yaml'), '# nothing\n')
    expect(await readSlideSettings(dir)).toMatchObject(defaults)
  })
  test('refuses a file that is too large before it is read', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, 'slides.yaml'), ' '.repeat(1024 * 1024 + 1))
    await expect(readSlideSettings(dir)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: 'slides.yaml must have at most 1048576 bytes, got 1048577',
    })
  })
})

describe('parseSlideSettings()', () => {
  test.each([
    ['micronPerPixel: 0.5', /got the file: Unrecognized key: "micronPerPixel"/],
    ['micronsPerPixel: 0', /got micronsPerPixel: /],
    ['labelShare: 0', /got labelShare: /],
    ['tissueShare: 1.5', /got tissueShare: /],
    ['a: [', /must be YAML/],
    ['a: &a [1]\nb: [*a, *a]', /must be YAML/],
  ])('refuses %j', (text, message) => {
    expect(() => parseSlideSettings(text)).toThrowError(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message: expect.stringMatching(message) }),
    )
  })
  test('tells the field below a slide, never the slide’s name', () => {
    expect(() => parseSlideSettings('slides: {smith.svs: {unannotated: 7}}')).toThrowError(
      expect.objectContaining({ message: expect.stringMatching(/got slides\.unannotated: [^s]*string/) }),
    )
    expect(() => parseSlideSettings('slides: {smith.svs: 7}')).toThrowError(/^(?!.*smith)/)
  })
})
