import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { completeConfig } from '../../../simulations/runner/config.ts'
import { openStages } from '../../../simulations/runner/stages.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const config = completeConfig({}, false)
const other = completeConfig({ seed: 'other' }, false)
const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )

describe('openStages()', () => {
  test('keeps finished stages for a run with the same settings', async () => {
    const out = await temporaryFolder()
    const first = await openStages(out, config, false)
    expect(first.resumed).toBe(false)
    expect(await first.stages.read('tiles')).toBeNull()
    await first.stages.write('tiles', { result: { tiles: 3 }, seconds: 1.5 })

    const second = await openStages(out, config, false)
    expect(second.resumed).toBe(true)
    expect(await second.stages.read('tiles')).toEqual({ result: { tiles: 3 }, seconds: 1.5 })
  })
  test('starts over after a finished run, and when told to', async () => {
    for (const finished of [true, false]) {
      const out = await temporaryFolder()
      const { stages } = await openStages(out, config, false)
      await stages.write('tiles', { result: 1, seconds: 1 })
      await writeFile(join(out, 'notes.txt'), 'mine')
      if (finished) await writeFile(join(out, 'results.json'), '{}')
      const again = await openStages(out, config, !finished)
      expect(again.resumed).toBe(false)
      expect(await again.stages.read('tiles')).toBeNull()
      expect(await exists(join(out, 'results.json'))).toBe(false)
      expect(await exists(join(out, 'notes.txt'))).toBe(true)
    }
  })
  test('refuses a run with other settings, unless it starts over', async () => {
    const out = await temporaryFolder()
    await openStages(out, config, false)
    await expect(openStages(out, other, false)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    expect((await openStages(out, other, true)).resumed).toBe(false)
  })
  test('removes nothing from a folder that is not a run’s', async () => {
    const out = await temporaryFolder()
    await mkdir(join(out, 'sites'))
    await writeFile(join(out, 'sites', 'mine.txt'), 'mine')
    await openStages(out, config, true)
    expect(await exists(join(out, 'sites', 'mine.txt'))).toBe(true)
  })
})
