import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { initCoordinator } from '@tessera/coordinator'
import { openStore, readEvents, submit } from '@tessera/coordinator/store'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const revoked = (site: string, atMs = 1) => ({ type: 'site.revoked', site, atMs }) as const

describe('openStore()', () => {
  test('has one writer at a time', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await store.close()
    await (await openStore(dir)).close()
  })

  test('the lock of a process that is gone is taken over', async () => {
    const dir = await temporaryFolder()
    // Above the largest process id that Linux gives (2²²).
    await writeFile(join(dir, 'coordinator.lock'), '99999999')
    await (await openStore(dir)).close()
  })

  test('an event of a kind that this version does not know is ERR_STORE_NEWER', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    await store.append({ ...revoked('north'), type: 'site.promoted' } as never)
    await store.close()
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_STORE_NEWER' })
    await expect(readEvents(dir)).rejects.toMatchObject({ code: 'ERR_STORE_NEWER' })
  })

  test('takes one event, or several at once', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    await store.append(revoked('north'))
    await store.append([revoked('south'), revoked('west')])
    expect(await readEvents(dir)).toEqual(['north', 'south', 'west'].map((site) => revoked(site)))
    await store.close()
  })

  test('its files are for their owner only', async () => {
    const dir = await temporaryFolder()
    const store = await openStore(dir)
    await store.append(revoked('north'))
    for (const file of ['events.db', 'events.db-wal']) {
      expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600)
    }
    await store.close()
  })

  test("another coordinator's database is ERR_STORE_FOREIGN", async () => {
    const [dir, other] = [await temporaryFolder(), await temporaryFolder()]
    for (const each of [dir, other]) {
      await initCoordinator({ dir: each })
      await submit(each, revoked('north'))
    }
    await copyFile(join(other, 'events.db'), join(dir, 'events.db'))
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_STORE_FOREIGN' })
    await expect(readEvents(dir)).rejects.toMatchObject({ code: 'ERR_STORE_FOREIGN' })
  })

  test('what a crash left of a database in the making is made again', async () => {
    const dir = await temporaryFolder()
    await writeFile(join(dir, 'events.db.new'), 'half')
    expect(await submit(dir, revoked('north'))).toBe('stored')
    expect(await readdir(dir)).not.toContain('events.db.new')
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
