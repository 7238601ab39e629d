import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createKeptFolders } from '../../../coordinator/dashboard/kept-folders.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

async function kept() {
  const [dir, clock] = [join(await temporaryFolder(), 'uploads'), fakeClock()]
  return { dir, clock, folders: await createKeptFolders(dir, clock) }
}
const full = (folder: string): Promise<void> => writeFile(join(folder, 'file'), 'x')

describe('createKeptFolders()', () => {
  test('of many that are filled at once four have room, and none of those is taken away', async () => {
    const { dir, folders } = await kept()
    let fill = (): void => undefined
    const filled = new Promise<void>((resolve) => {
      fill = resolve
    })
    const all = Array.from({ length: 30 }, () =>
      folders.make(async (folder) => {
        await filled
        await full(folder)
      }),
    )
    const refused = await Promise.allSettled(all.slice(4))
    expect(refused.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(
      Array<string>(26).fill('ERR_RATE_LIMIT'),
    )
    fill()
    await Promise.all(all.slice(0, 4))
    expect(await readdir(dir)).toHaveLength(4)
  })

  test('the oldest full one gives way to a new one', async () => {
    const { dir, folders } = await kept()
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push((await folders.make(full)).id)
    expect(ids.map((id) => folders.find(id) !== null)).toEqual([false, true, true, true, true])
    expect(await readdir(dir)).toHaveLength(4)
  })

  test('one that is being filled is not found, and one that was not filled is not kept', async () => {
    const { dir, folders } = await kept()
    const broken = folders.make(async (folder) => {
      await full(folder)
      const [id = ''] = await readdir(dir)
      expect(folders.find(id)).toBeNull()
      throw new Error('cut off')
    })
    await expect(broken).rejects.toThrow('cut off')
    expect(await readdir(dir)).toEqual([])
  })

  test('goes after an hour, and when all are closed', async () => {
    const { dir, clock, folders } = await kept()
    const { id } = await folders.make(full)
    clock.advance(60 * 60_000)
    expect(folders.find(id)).toBeNull()
    await folders.make(full)
    await folders.close()
    expect(await readdir(dir)).toEqual([])
  })
})
