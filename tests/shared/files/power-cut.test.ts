import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { exemptFromPowerCuts, survivesPowerCuts, syncFolder, writeDurably } from '@tessera/shared/files'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

afterEach(() => void vi.restoreAllMocks())

/** Counts the syncs of every file from now on. */
async function countSyncs(): Promise<() => number> {
  const handle = await open(join(await temporaryFolder(), 'probe'), 'w')
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  await handle.close()
  const sync = vi.spyOn(prototype, 'sync')
  return () => sync.mock.calls.length
}

describe('exemptFromPowerCuts()', () => {
  test('holds for what is below the folder, until it is taken back', () => {
    const secureAgain = exemptFromPowerCuts('/simulation/cell')
    expect(survivesPowerCuts('/simulation/cell/sites/north/audit.jsonl')).toBe(false)
    expect(survivesPowerCuts('/simulation/cell-2/audit.jsonl')).toBe(true)
    expect(survivesPowerCuts('/simulation/results.json')).toBe(true)
    secureAgain()
    expect(survivesPowerCuts('/simulation/cell/sites/north/audit.jsonl')).toBe(true)
  })

  test('a file below it is written without waiting for the disk, and one beside it is synced with its folder', async () => {
    const [exempt, beside] = [await temporaryFolder(), await temporaryFolder()]
    const syncs = await countSyncs()
    const secureAgain = exemptFromPowerCuts(exempt)
    await writeDurably(join(exempt, 'state', 'file'), 'content')
    await syncFolder(exempt)
    expect(syncs()).toBe(0)
    await writeDurably(join(beside, 'file'), 'content')
    expect(syncs()).toBe(2)
    secureAgain()
    await writeDurably(join(exempt, 'state', 'file'), 'content')
    expect(syncs()).toBe(4)
  })
})
