import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { backupCoordinator, restoreCoordinator } from '@tessera/coordinator/backup'
import { readEvents } from '@tessera/coordinator/store'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { verifiedRounds } from '../../support/ledger.ts'
import { type PostgresServer, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { federation, wholeRound } from '../federation.ts'
import { joined, started } from '../raw-site.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
afterEach(() => void vi.unstubAllEnvs())

test('events in PostgreSQL go into a backup, and from there into a file or into another database', async () => {
  const first = await server.database()
  vi.stubEnv('TESSERA_STORE', first)
  const { coordinator, dir: original, key, keys, north, south } = await federation()
  await wholeRound([north, south], [0.01, 0.02])
  await north.published()
  const root = await temporaryFolder()
  const backup = join(root, 'backup')
  await backupCoordinator({ dir: original, out: backup })
  const events = await readEvents(original)
  await coordinator.close()
  vi.unstubAllEnvs()

  const file = join(root, 'file')
  await restoreCoordinator({ backup, dir: file, port: 0 })
  expect(await readEvents(file)).toEqual(events)
  await expect(restoreCoordinator({ backup, dir: join(root, 'same'), store: first })).rejects.toMatchObject({
    code: 'ERR_STORE_FOREIGN',
    message: `database must have no event of this coordinator, got ${events.length}: use another, or restore without it`,
  })

  const dir = join(root, 'database')
  await restoreCoordinator({ backup, dir, port: 0, store: await server.database() })
  const again = await started(dir)
  const sites = await Promise.all(
    (['north', 'south'] as const).map((site) => joined(again.coordinator.url, key, site, keys[site])),
  )
  await wholeRound(sites, [0.03, 0.04])
  await again.coordinator.ended
  await again.coordinator.close()
  expect(await readdir(dir)).toContain('events.db.imported')
  expect(await verifiedRounds(dir, 'tiny')).toBe(2)
})
