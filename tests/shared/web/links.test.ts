import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LINK_LIFETIME_MS, makeLink, takeLink } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../../support/fake-clock.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const ADA = { role: 'viewer', name: 'ada' } as const
const INVALID = { code: 'ERR_LINK_INVALID' }

describe('a one-time link', () => {
  test('is for whom it was made', async () => {
    const [folder, clock] = [await temporaryFolder(), fakeClock()]
    const { secret, expiresAtMs } = await makeLink(folder, ADA, clock)
    expect(secret).toHaveLength(43)
    expect(expiresAtMs).toBe(clock.now() + LINK_LIFETIME_MS)
    expect(await takeLink(folder, secret, clock)).toEqual(ADA)
  })

  test('works once, also for two at the same time', async () => {
    const [folder, clock] = [await temporaryFolder(), fakeClock()]
    const { secret } = await makeLink(folder, ADA, clock)
    const both = await Promise.allSettled([takeLink(folder, secret, clock), takeLink(folder, secret, clock)])
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(takeLink(folder, secret, clock)).rejects.toMatchObject(INVALID)
    expect(await readdir(folder)).toEqual([])
  })

  test('has expired after ten minutes', async () => {
    const [folder, clock] = [await temporaryFolder(), fakeClock()]
    const { secret } = await makeLink(folder, ADA, clock)
    clock.advance(LINK_LIFETIME_MS)
    await expect(takeLink(folder, secret, clock)).rejects.toMatchObject(INVALID)
  })

  test('stands in no file: what is in the folder opens nothing', async () => {
    const [folder, clock] = [await temporaryFolder(), fakeClock()]
    const { secret } = await makeLink(folder, ADA, clock)
    const [file = ''] = await readdir(folder)
    expect(`${file}${await readFile(join(folder, file), 'utf8')}`).not.toContain(secret)
    await expect(takeLink(folder, file.replace('.json', ''), clock)).rejects.toMatchObject(INVALID)
  })

  test.each(['../coordinator', 'a/b', '', 'x'.repeat(44)])(
    '%j is none, and no file is looked at',
    async (secret) => {
      const folder = await temporaryFolder()
      await expect(takeLink(folder, secret, fakeClock())).rejects.toMatchObject(INVALID)
    },
  )

  test('that expired is cleared away with the next one', async () => {
    const [folder, clock] = [await temporaryFolder(), fakeClock()]
    await makeLink(folder, ADA, clock)
    clock.advance(LINK_LIFETIME_MS)
    await makeLink(folder, ADA, clock)
    expect(await readdir(folder)).toHaveLength(1)
  })
})
