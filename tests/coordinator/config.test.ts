import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { initCoordinator } from '@tessera/coordinator'
import { storePlace } from '@tessera/coordinator/config'
import { maskedUrl } from '@tessera/coordinator/store'
import { describe, expect, test } from 'vitest'
import { rejectionOf } from '../support/errors.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const URL_A = 'postgresql://tessera:hunter2@db.example.org:5433/fl?sslmode=verify-full'
const URL_B = 'postgres://other@localhost/fl'

describe('storePlace()', () => {
  test('is the folder by default, else the setting, and the environment before it', async () => {
    const [plain, set] = [await temporaryFolder(), await temporaryFolder()]
    const { fingerprint } = await initCoordinator({ dir: plain })
    await initCoordinator({ dir: set, store: URL_A })
    expect(await storePlace(plain, {})).toEqual({ postgres: null, coordinator: fingerprint })
    expect(await storePlace(plain, { TESSERA_STORE: URL_B })).toMatchObject({ postgres: URL_B })
    expect(await storePlace(set, { TESSERA_STORE: '' })).toMatchObject({ postgres: URL_A })
    expect(await storePlace(set, { TESSERA_STORE: URL_B })).toMatchObject({ postgres: URL_B })
  })

  test('the setting is in a file for its owner only', async () => {
    const dir = await temporaryFolder()
    await initCoordinator({ dir, store: URL_A })
    const file = join(dir, 'coordinator.json')
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ store: URL_A })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['another program', 'mysql://tessera:hunter2@localhost/fl'],
    ['a file', 'file:///hunter2.db'],
    ['no URL', 'host=localhost password=hunter2'],
    ['no database', 'postgresql://tessera:hunter2@localhost'],
    ['a path', 'postgresql://tessera:hunter2@localhost/a/b'],
    ['a setting that is not ours to give', 'postgresql://tessera:hunter2@localhost/fl?options=-cfsync%3Doff'],
    ['a password among the parameters', 'postgresql://localhost/fl?password=hunter2'],
    ['a text without end', `postgresql://tessera:hunter2@localhost/${'x'.repeat(3000)}`],
  ])('%s is ERR_CONFIG_INVALID, wherever it comes from, and is not repeated', async (_, url) => {
    const dir = await temporaryFolder()
    const atInit = await rejectionOf(initCoordinator({ dir, store: url }))
    await initCoordinator({ dir })
    const inEnvironment = await rejectionOf(storePlace(dir, { TESSERA_STORE: url }))
    for (const error of [atInit, inEnvironment] as Error[]) {
      expect(error).toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringMatching(/^setting store must fit, got: /),
      })
      expect(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain('hunter2')
    }
  })
})

describe('maskedUrl()', () => {
  test('shows all but the password', () => {
    expect(maskedUrl(URL_A)).toBe('postgresql://tessera:***@db.example.org:5433/fl?sslmode=verify-full')
    expect(maskedUrl(URL_B)).toBe(URL_B)
    expect(maskedUrl('postgresql:///fl?host=/run/postgresql')).toBe('postgresql:///fl?host=/run/postgresql')
  })
})
