import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tryLock, writeDurably } from '@tessera/shared/files'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../support/temporary-folder.ts'

describe('writeDurably()', () => {
  test('writes over an older file, in a folder that it makes, and leaves nothing else', async () => {
    const file = join(await temporaryFolder(), 'a', 'b.json')
    await writeDurably(file, 'old')
    await writeDurably(file, 'new')
    expect(await readFile(file, 'utf8')).toBe('new')
    expect(await readdir(join(file, '..'))).toEqual(['b.json'])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })
  test('gives another mode when asked', async () => {
    const file = join(await temporaryFolder(), 'card.json')
    await writeDurably(file, '{}', 0o644)
    expect((await stat(file)).mode & 0o777).toBe(0o644)
  })
  test('a refusal of the system is ERR_STORE_WRITE, without a path', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'taken'))
    const refused = writeDurably(join(folder, 'taken'), 'x')
    await expect(refused).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
    await expect(refused).rejects.not.toThrow(folder)
  })
})

describe('tryLock()', () => {
  test('has one holder at a time', async () => {
    const file = join(await temporaryFolder(), 'x.lock')
    const release = await tryLock(file)
    expect(await tryLock(file)).toBeNull()
    await release?.()
    const again = await tryLock(file)
    expect(again).not.toBeNull()
    await again?.()
  })
  test('the lock of a process that is gone is taken over, of one that runs is not', async () => {
    const file = join(await temporaryFolder(), 'x.lock')
    await writeFile(file, '99999999')
    const release = await tryLock(file)
    expect(release).not.toBeNull()
    await release?.()
    await writeFile(file, String(process.ppid))
    expect(await tryLock(file)).toBeNull()
  })
})
