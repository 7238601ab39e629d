/** @file The same with the coordinator's events in PostgreSQL: each statement has a point before and one after it. */
import { afterAll, beforeAll, test } from 'vitest'
import { type PostgresServer, startPostgres } from '../support/postgres.ts'
import { ALL_MS, coordinatorKilled, expectUnmoved } from './scenarios.ts'

/** Steps by default. */
const FEW = 4

let server: PostgresServer
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())

test(
  'a coordinator with its events in PostgreSQL that is killed at any durable step goes on by itself to the same student',
  () => expectUnmoved(coordinatorKilled, { least: 40, few: FEW, database: () => server.database() }),
  ALL_MS,
)
