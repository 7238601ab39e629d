import { openEventStore, openPostgresTable, readPostgresTable, readTable } from '@tessera/coordinator/store'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { rejectionOf } from '../../support/errors.ts'
import { type FaultyProxy, faultyProxy } from '../../support/faulty-proxy.ts'
import { type PostgresServer, query, startPostgres } from '../../support/postgres.ts'

const anything = (value: unknown): object => value as object

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

async function read(url: string, coordinator = 'c'): Promise<readonly object[]> {
  const table = await readPostgresTable(url, coordinator)
  const { events } = await readTable(table, anything)
  await table.close()
  return events
}

/** A store whose connections go through a proxy, with one event in it. */
async function behindProxy() {
  const direct = await server.database()
  const proxy: FaultyProxy = await faultyProxy(server.port)
  const url = direct.replace(`:${server.port}/`, `:${proxy.port}/`)
  const store = await openEventStore(await openPostgresTable(url, 'c'), anything)
  onTestFinished(async () => {
    await store.close()
    await proxy.close()
  })
  await store.append({ n: 1 })
  return { direct, url, proxy, store }
}

describe('a lost connection', () => {
  test('that nobody used at the time is made again, and the event goes in', async () => {
    const { direct, proxy, store } = await behindProxy()
    proxy.cut()
    await store.append({ n: 2 })
    expect(await read(direct)).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('whose answer was lost: the event had gone in, and goes in once', async () => {
    const { direct, proxy, store } = await behindProxy()
    proxy.loseNextAnswer()
    await store.append([{ n: 2 }, { n: 3 }])
    await store.append({ n: 4 })
    expect(await read(direct)).toEqual([1, 2, 3, 4].map((n) => ({ n })))
  })

  test('that cannot be made again is ERR_STORE_WRITE; what had gone in all the same is taken back', async () => {
    const { direct, proxy, store } = await behindProxy()
    proxy.loseNextAnswer()
    proxy.refuse(true)
    await expect(store.append([{ n: 2 }, { n: 3 }])).rejects.toMatchObject({
      code: 'ERR_STORE_WRITE',
      message: expect.stringMatching(/^store must be writable, got /),
    })
    expect(await read(direct)).toHaveLength(3)
    await expect(store.append({ n: 'lost' })).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
    proxy.refuse(false)
    await store.append({ n: 'second' })
    await store.append({ n: 'third' })
    expect(await read(direct)).toEqual([{ n: 1 }, { n: 'second' }, { n: 'third' }])
  })

  test('that the server still believes in gives its lock to the new one', async () => {
    const { direct, proxy, store } = await behindProxy()
    proxy.cutClients()
    await store.append({ n: 2 })
    expect(await read(direct)).toEqual([{ n: 1 }, { n: 2 }])
  })

  test('that another coordinator has used is ERR_STORE_LOCKED, while it runs and after', async () => {
    const { direct, proxy, store } = await behindProxy()
    proxy.refuse(true)
    proxy.cut()
    await expect(store.append({ n: 'lost' })).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
    const other = await openEventStore(await openPostgresTable(direct, 'c'), anything)
    await other.append({ n: 'other' })
    proxy.refuse(false)
    await expect(store.append({ n: 2 })).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await other.close()
    await expect(store.append({ n: 2 })).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    expect(await read(direct)).toEqual([{ n: 1 }, { n: 'other' }])
  })

  test('in doubt, while another coordinator has the lock and writes nothing, is taken back after it', async () => {
    const { direct, proxy, store } = await behindProxy()
    proxy.loseNextAnswer()
    proxy.refuse(true)
    await expect(store.append({ n: 'lost' })).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
    // The server notices: until now it held the lock for us.
    proxy.cut()
    const other = await openPostgresTable(direct, 'c')
    proxy.refuse(false)
    await expect(store.append({ n: 2 })).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    await other.close()
    await store.append({ n: 3 })
    expect(await read(direct)).toEqual([{ n: 1 }, { n: 3 }])
  })

  test('while the server restarts is ERR_STORE_WRITE until it is there, and nothing is lost', async () => {
    const url = await server.database()
    const store = await openEventStore(await openPostgresTable(url, 'c'), anything)
    await store.append({ n: 1 })
    await server.restart()
    await store.append({ n: 2 })
    await server.kill()
    await expect(store.append({ n: 3 })).rejects.toMatchObject({ code: 'ERR_STORE_WRITE' })
    await expect(openPostgresTable(url, 'c')).rejects.toMatchObject({
      code: 'ERR_STORE_UNREACHABLE',
      message: 'database must be reachable with the given user and password, got ECONNREFUSED',
    })
    await server.start()
    await store.append({ n: 3 })
    await store.close()
    expect(await read(url)).toEqual([1, 2, 3].map((n) => ({ n })))
  })
})

describe('one writer', () => {
  test('a second one is ERR_STORE_LOCKED until the first is closed; readers are not', async () => {
    const url = await server.database()
    const first = await openPostgresTable(url, 'c')
    await expect(openPostgresTable(url, 'c')).rejects.toMatchObject({ code: 'ERR_STORE_LOCKED' })
    expect(await read(url)).toEqual([])
    await first.close()
    await (await openPostgresTable(url, 'c')).close()
  })

  test('for each coordinator: two of them share a database and see their own events', async () => {
    const url = await server.database()
    const [one, other] = await Promise.all(
      ['c', 'd'].map(async (name) => openEventStore(await openPostgresTable(url, name), anything)),
    )
    await one?.append({ n: 'one' })
    await other?.append([{ n: 'other' }, { n: 'more' }])
    await one?.append({ n: 'two' })
    expect(await read(url, 'c')).toEqual([{ n: 'one' }, { n: 'two' }])
    expect(await read(url, 'd')).toEqual([{ n: 'other' }, { n: 'more' }])
    await one?.close()
    await other?.close()
  })
})

describe('a database that does not do', () => {
  test('a wrong password is ERR_STORE_UNREACHABLE, and is told to nobody', async () => {
    const url = (await server.database()).replace(/:[^:@]+@/, ':hunter2@')
    const error = (await rejectionOf(openPostgresTable(url, 'c'))) as Error
    expect(error).toMatchObject({
      code: 'ERR_STORE_UNREACHABLE',
      message: 'database must be reachable with the given user and password, got 28P01',
    })
    expect(`${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain('hunter2')
    await expect(readPostgresTable(url, 'c')).rejects.toMatchObject({ code: 'ERR_STORE_UNREACHABLE' })
  })

  test('one that cannot hold every text is ERR_CONFIG_INVALID', async () => {
    const url = await server.database()
    await query(url, `CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`)
    await expect(openPostgresTable(url.replace(/[^/]+$/, 'latin'), 'c')).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
    })
  })

  test('tables of a newer version are ERR_STORE_NEWER', async () => {
    const url = await server.database()
    await (await openPostgresTable(url, 'c')).close()
    await query(url, 'UPDATE tessera_schema SET version = 2')
    const newer = { code: 'ERR_STORE_NEWER', message: 'store must have version 1 of its tables, got 2' }
    await expect(openPostgresTable(url, 'c')).rejects.toMatchObject(newer)
    await expect(read(url)).rejects.toMatchObject(newer)
  })

  test('a user who may make no tables is ERR_STORE_WRITE at first, and needs no such right once they are there', async () => {
    const url = await server.database()
    const name = url.slice(url.lastIndexOf('/') + 1)
    await query(url, `CREATE ROLE ${name}_user LOGIN PASSWORD 'small'`)
    const small = url.replace(/\/\/[^@]+@/, `//${name}_user:small@`)
    await expect(openPostgresTable(small, 'c')).rejects.toMatchObject({
      code: 'ERR_STORE_WRITE',
      message: 'store must be writable, got 42501',
    })
    await (await openPostgresTable(url, 'another')).close()
    await query(
      url,
      `GRANT SELECT ON tessera_schema TO ${name}_user`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON tessera_head, tessera_event TO ${name}_user`,
    )
    const store = await openEventStore(await openPostgresTable(small, 'c'), anything)
    await store.append({ n: 1 })
    await store.close()
    expect(await read(url)).toEqual([{ n: 1 }])
  })
})
