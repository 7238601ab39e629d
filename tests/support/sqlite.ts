/** @file An SQLite file behind the back of whoever keeps it. */
import Database from 'libsql'

/** Opens `file`, hands it to `work` and closes it. */
export function withDatabase<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file)
  try {
    return work(database)
  } finally {
    database.close()
  }
}
