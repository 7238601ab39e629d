import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore, readEvents, submit } from '@tessera/coordinator/store'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const revoked = (site: string, atMs = 1) => ({ type: 'site.revoked', site, atMs }) as const

describe('openStore()', () => {
  test('has one writer at a time', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
    await store.close()
    await (await openStore(dir)).close()
  })

  test('the lock of a process that is gone is taken over', async () => {
    const dir = await temporaryFolder()
    // Above the largest process id that Linux gives (2²²).
    await writeFile(join(dir, 'coordinator.lock'), '99999999')
    await (await openStore(dir)).close()
  })

  test('an event of a kind that this version does not know is ERR_STORE_CORRUPT', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    await store.append({ ...revoked('north'), type: 'site.promoted' } as never)
    await store.close()
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
})

describe('submit()', () => {
  test('writes to the log when nobody has it open', async () => {
    const dir = await temporaryFolder()
    expect(await submit(dir, revoked('north'))).toBe('stored')
    expect(await readEvents(dir)).toEqual([revoked('north')])
  })

  test('leaves commands for a coordinator that runs, in order', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    expect(await submit(dir, revoked('south', 2))).toBe('posted')
    expect(await submit(dir, revoked('north', 1))).toBe('posted')
    const collected: unknown[] = []
    await store.collectCommands(async (event) => void collected.push(event))
    expect(collected).toEqual([revoked('north', 1), revoked('south', 2)])
    expect(await readdir(join(dir, 'inbox'))).toEqual([])
    await store.close()
  })

  test('what was left and never collected comes first', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    await submit(dir, revoked('north', 1))
    await store.close()
    await submit(dir, revoked('south', 2))
    expect(await readEvents(dir)).toEqual([revoked('north', 1), revoked('south', 2)])
  })

  test('a command that is not one is put aside with ERR_STORE_CORRUPT and holds up no other', async () => {
    const dir = await temporaryFolder()
    await mkdir(join(dir, 'inbox'))
    await writeFile(join(dir, 'inbox', '0-bad.json'), 'nonsense')
    const store = await openStore(dir)
    await expect(store.collectCommands(async () => undefined)).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
    })
    await submit(dir, revoked('north'))
    const collected: unknown[] = []
    await store.collectCommands(async (event) => void collected.push(event))
    expect(collected).toEqual([revoked('north')])
    await store.close()
  })
})
