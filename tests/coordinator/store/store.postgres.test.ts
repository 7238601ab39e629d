import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportStudy, initCoordinator } from '@tessera/coordinator'
import { openStore, readEvents, submit } from '@tessera/coordinator/store'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type PostgresServer, query, startPostgres } from '../../support/postgres.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { federation, wholeRound } from '../federation.ts'
import { joined, started } from '../raw-site.ts'
import { POSTGRES_STORES, recordedRows } from './earlier-stores.ts'

const revoked = (site: string) => ({ type: 'site.revoked', site, atMs: 1 }) as const

/** Of the tables. */
const NEXT = Math.max(...Object.keys(POSTGRES_STORES).map(Number)) + 1

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
afterEach(() => void vi.unstubAllEnvs())

describe('a coordinator with its events in PostgreSQL', () => {
  test('runs a study, goes on after a restart, and exports its student', async () => {
    vi.stubEnv('TESSERA_STORE', await server.database())
    const { coordinator, dir, key, keys, north, south } = await federation()
    await wholeRound([north, south], [0.01, 0.02])
    await north.published()
    await coordinator.close()
    expect(await readdir(dir)).not.toContain('events.db')

    const again = await started(dir)
    const sites = await Promise.all(
      (['north', 'south'] as const).map((site) => joined(again.coordinator.url, key, site, keys[site])),
    )
    await wholeRound(sites, [0.01, 0.02])
    await again.coordinator.ended
    await again.coordinator.close()
    const { card } = await exportStudy({ dir, study: 'tiny', out: join(dir, 'export') })
    expect(card).toMatchObject({ round: 2, finished: true })
  })

  test('takes over what was in its folder, once; and does not begin anew without its setting', async () => {
    const dir = await temporaryFolder()
    await initCoordinator({ dir })
    for (const site of ['north', 'south']) await submit(dir, revoked(site))
    vi.stubEnv('TESSERA_STORE', await server.database())
    // Not taken over yet, and known all the same.
    expect(await readEvents(dir)).toEqual([revoked('north'), revoked('south')])
    await submit(dir, revoked('west'))
    expect(await readEvents(dir)).toEqual(['north', 'south', 'west'].map(revoked))
    const files = await readdir(dir)
    expect(files).toContain('events.db.imported')
    expect(files).not.toContain('events.db')
    vi.unstubAllEnvs()
    for (const opening of [openStore, readEvents, (to: string) => submit(to, revoked('east'))]) {
      await expect(opening(dir)).rejects.toMatchObject({
        code: 'ERR_CONFIG_INVALID',
        message: expect.stringContaining('TESSERA_STORE'),
      })
    }
    expect(await readdir(dir)).not.toContain('events.db')
  })

  test('takes over an events.jsonl of before too', async () => {
    const dir = await temporaryFolder()
    const recorded = await readFile(new URL('recorded/events.jsonl', import.meta.url))
    await initCoordinator({ dir, store: await server.database() })
    await writeFile(join(dir, 'events.jsonl'), recorded)
    const store = await openStore(dir)
    expect(store.events).toHaveLength(13)
    await store.close()
    expect(await readEvents(dir)).toEqual(store.events)
    expect(await readdir(dir)).toEqual(
      expect.arrayContaining(['events.jsonl.imported', 'events.db.imported', 'events.elsewhere']),
    )
  })

  test.each(Object.entries(POSTGRES_STORES))('goes on with tables of version %s', async (_, tables) => {
    const [dir, url] = [await temporaryFolder(), await server.database()]
    const { fingerprint } = await initCoordinator({ dir, store: url })
    const rows = await recordedRows()
    const head = rows.at(-1)
    await query(
      url,
      tables(fingerprint),
      ...rows.map(
        ({ number, event, checksum }) =>
          `INSERT INTO tessera_event VALUES ('${fingerprint}', ${number}, $event$${event}$event$, '${checksum}')`,
      ),
      `UPDATE tessera_head SET count = ${rows.length}, checksum = '${head?.checksum}'`,
    )
    const store = await openStore(dir)
    expect(store.events).toHaveLength(rows.length)
    await store.append(revoked('north'))
    await store.close()
    expect(await readEvents(dir)).toHaveLength(rows.length + 1)

    await query(url, `UPDATE tessera_schema SET version = ${NEXT}`)
    await expect(openStore(dir)).rejects.toMatchObject({ code: 'ERR_STORE_NEWER' })
  })

  test('on two machines at once: the second folder with its key is ERR_STORE_LOCKED', async () => {
    const [dir, copy] = [await temporaryFolder(), await temporaryFolder()]
    const url = await server.database()
    await initCoordinator({ dir, store: url })
    await initCoordinator({ dir: copy, store: url })
    for (const file of ['coordinator.json', 'keys/coordinator.jwk']) {
      await writeFile(join(copy, file), await readFile(join(dir, file)))
    }
    const store = await openStore(dir)
    await expect(openStore(copy)).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await expect(submit(copy, revoked('north'))).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await store.append(revoked('north'))
    await store.close()
    await submit(copy, revoked('south'))
    expect(await readEvents(dir)).toEqual([revoked('north'), revoked('south')])
    const rows = await query(url, 'SELECT coordinator FROM tessera_head')
    expect(rows).toHaveLength(1)
  })
})
