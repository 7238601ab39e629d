import { openPostgresTable, readPostgresTable } from '@tessera/coordinator/store'
import { afterAll, beforeAll } from 'vitest'
import { type PostgresServer, query, startPostgres } from '../support/postgres.ts'
import { describeEventStore } from './event-store.ts'

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

describeEventStore('PostgreSQL', async () => {
  const url = await server.database()
  return {
    table: () => openPostgresTable(url, 'a coordinator'),
    reader: () => readPostgresTable(url, 'a coordinator'),
    tableSource: `store.openPostgresTable(${JSON.stringify(url)}, 'a coordinator')`,
    sql: async (...statements) => void (await query(url, ...statements)),
  }
})
