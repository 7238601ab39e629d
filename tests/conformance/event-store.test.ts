import { join } from 'node:path'
import { openSqliteTable, readSqliteTable } from '@tessera/coordinator/store'
import { withDatabase } from '../support/sqlite.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { describeEventStore } from './event-store.ts'

describeEventStore('SQLite', async () => {
  const file = join(await temporaryFolder(), 'events.db')
  return {
    table: () => openSqliteTable(file, 'a coordinator'),
    reader: () => readSqliteTable(file, 'a coordinator'),
    tableSource: `store.openSqliteTable(${JSON.stringify(file)}, 'a coordinator')`,
    sql: async (...statements) => {
      for (const statement of statements) withDatabase(file, (database) => database.exec(statement))
    },
  }
})
