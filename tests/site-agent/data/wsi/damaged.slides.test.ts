import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sourceUrl, startScript } from '../../../support/script.ts'
import { eosin, writeSlide } from '../../../support/slide-files.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

// In a process of its own: what the library does with a damaged file could end it.
test('damaged slides are read or refused, and the library writes nothing about them', async () => {
  const dir = await temporaryFolder()
  const whole = join(dir, 'whole.tif')
  await writeSlide(whole, { width: 150, height: 150, paint: eosin })
  const directory = (await readFile(whole)).readUInt32LE(4)
  const script = await startScript(
    `
    import { readFile, writeFile } from 'node:fs/promises'
    import { createRandom } from ${sourceUrl('shared/random.ts')}
    import { openSlide } from ${sourceUrl('site-agent/data/wsi/slide.ts')}
    import { findTissue } from ${sourceUrl('site-agent/data/wsi/tissue.ts')}
    const whole = await readFile(${JSON.stringify(whole)})
    const random = createRandom('damage')
    const outcomes = {}
    for (let i = 0; i < 400; i++) {
      const bytes = Buffer.from(whole)
      // Half of them where the file says what it is.
      const [from, length] = i % 2 === 0 ? [${directory}, 300] : [0, bytes.length]
      for (let n = random.integer(5); n >= 0; n--) {
        bytes[Math.min(bytes.length - 1, from + random.integer(length))] = random.integer(256)
      }
      const file = ${JSON.stringify(join(dir, 'smith.tif'))}
      await writeFile(file, i % 10 === 9 ? bytes.subarray(0, random.integer(bytes.length)) : bytes)
      let outcome = 'read'
      try {
        const slide = await openSlide(file)
        try {
          await findTissue(slide, { x: 1, y: 1 })
          await slide.read({ level: 0, x: 40, y: 40, width: 96, height: 96 })
        } finally {
          slide.close()
        }
      } catch (thrown) {
        outcome = thrown.code
      }
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
    console.log(JSON.stringify(outcomes))
  `,
    'exec 2>&1',
  )
  const outcomes = JSON.parse(await script.next()) as Record<string, number>
  const { read = 0, ERR_SLIDE_UNREADABLE: refused = 0, ERR_SLIDE_TOO_LARGE: large = 0 } = outcomes
  expect(read + refused + large).toBe(400)
  expect(read).toBeGreaterThan(20)
  expect(refused).toBeGreaterThan(50)
})
