import { join } from 'node:path'
import { initCoordinator } from '@tessera/coordinator'
import { openStore, readEvents } from '@tessera/coordinator/store'
import { expect, test } from 'vitest'
import { withDatabase } from '../../support/sqlite.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { recordedRows, SQLITE_STORES } from './earlier-stores.ts'

const revoked = { type: 'site.revoked', site: 'north', atMs: 1 } as const

test.each(Object.entries(SQLITE_STORES))('an events.db of version %s is gone on with', async (_, store) => {
  const dir = await temporaryFolder()
  const { fingerprint } = await initCoordinator({ dir })
  const rows = await recordedRows()
  withDatabase(join(dir, 'events.db'), (database) => {
    database.exec(store(fingerprint))
    const insert = database.prepare('INSERT INTO tessera_event VALUES (?, ?, ?)')
    for (const { number, event, checksum } of rows) insert.run(number, event, checksum)
    database
      .prepare('UPDATE tessera_head SET count = ?, checksum = ?')
      .run(rows.length, rows.at(-1)?.checksum)
  })
  const opened = await openStore(dir)
  const before = opened.events
  expect(before.map(({ type }) => type)).toEqual(
    rows.map(({ event }) => (JSON.parse(event) as { type: string }).type),
  )
  expect(await opened.append(revoked)).toBe(rows.length + 1)
  await opened.close()
  expect(await readEvents(dir)).toEqual([...before, revoked])
})

test('an events.db of the next version is refused, and left as it is', async () => {
  const dir = await temporaryFolder()
  const { fingerprint } = await initCoordinator({ dir })
  const newest = Math.max(...Object.keys(SQLITE_STORES).map(Number))
  const file = join(dir, 'events.db')
  withDatabase(file, (database) => {
    database.exec(SQLITE_STORES[newest]?.(fingerprint) ?? '')
    database.exec(`PRAGMA user_version = ${newest + 1}`)
  })
  await expect(openStore(dir)).rejects.toMatchObject({
    code: 'ERR_STORE_NEWER',
    message: `store must have version ${newest} of its tables, got ${newest + 1}`,
  })
  withDatabase(file, (database) => {
    expect(database.prepare('PRAGMA user_version').raw().get()).toEqual([newest + 1])
  })
})
