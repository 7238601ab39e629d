import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readSqliteTable, readTable } from '@tessera/coordinator/store'
import { describe, expect, test } from 'vitest'
import { raiseFileLimit, sourceUrl, startScript } from '../../support/script.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** No file over 400 KiB: writing is refused in the middle, as by a full disk or a quota, and without any privilege. */
const LIMIT = 'ulimit -S -f 400'

async function eventsOf(file: string): Promise<readonly object[]> {
  const table = await readSqliteTable(file, 'c')
  if (table === null) return []
  const { events } = await readTable(table, (value) => value as object)
  await table.close()
  return events
}

describe('a full disk', () => {
  test('under events.db is ERR_STORE_WRITE, loses nothing that was confirmed, and ends when there is room', async () => {
    const dir = await temporaryFolder()
    const file = join(dir, 'events.db')
    const child = await startScript(
      `
      import * as store from ${sourceUrl('coordinator/store/index.ts')}
      process.on('SIGXFSZ', () => undefined)
      const events = await store.openEventStore(await store.openSqliteTable(${JSON.stringify(file)}, 'c'), (value) => value)
      let n = 0
      const append = () => events.append([{ n }, { n, text: 'x'.repeat(20_000) }]).then(() => n++)
      try { for (;;) await append() } catch (error) { console.log(error.code + ': ' + error.message) }
      console.log(n)
      await append().catch((error) => console.log(error.code))
      setInterval(() => undefined, 1000)
      process.once('SIGUSR1', async () => { await append(); await events.close(); console.log(n); process.exit(0) })
      console.log('waiting')`,
      LIMIT,
    )
    expect(await child.next()).toMatch(/^ERR_STORE_WRITE: store must be writable, got /)
    const confirmed = Number(await child.next())
    expect(confirmed).toBeGreaterThan(2)
    expect(await child.next()).toBe('ERR_STORE_WRITE')
    expect(await child.next()).toBe('waiting')
    expect(await eventsOf(file)).toHaveLength(2 * confirmed)
    await raiseFileLimit(child.pid)
    process.kill(child.pid, 'SIGUSR1')
    expect(await child.next()).toBe(String(confirmed + 1))
    expect(await eventsOf(file)).toHaveLength(2 * confirmed + 2)
  })

  test('under a model is ERR_STORE_WRITE and leaves no part of it; the models before it are as they were', async () => {
    const dir = await temporaryFolder()
    const child = await startScript(
      `
      import * as store from ${sourceUrl('coordinator/store/index.ts')}
      process.on('SIGXFSZ', () => undefined)
      const models = store.contentStore(${JSON.stringify(dir)}, '.bin')
      console.log(await models.save(Buffer.alloc(100_000, 1)))
      await models.save(Buffer.alloc(500_000, 2)).catch((error) => console.log(error.code + ': ' + error.message))
      console.log((await models.load(await models.save(Buffer.alloc(100_000, 3)))).length)`,
      LIMIT,
    )
    const sha256 = await child.next()
    expect(await child.next()).toBe('ERR_STORE_WRITE: folder must be writable, got EFBIG')
    expect(await child.next()).toBe('100000')
    const files = await readdir(dir)
    expect(files).toHaveLength(2)
    expect(files).toContain(`${sha256}.bin`)
  })
})
