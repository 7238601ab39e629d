/**
 * @file Rows in an SQLite database, `events.db`: the store without anything to set up.
 *
 * What is on disk when {@link EventTable.append} returns: write-ahead log with `synchronous=FULL` means that the rows are in `events.db-wal` and
 * that it is synced, before COMMIT returns; SQLite syncs the folder when it makes that file. Into `events.db` itself they go later, at a
 * checkpoint, which syncs both in turn and never drops a row from the log before it is safe there. The name `events.db` is made safe by us, once
 * (sqlite-file.ts). `fullfsync` is for macOS, where a plain sync leaves data in the drive's own cache.
 *
 * SQLite's calls are synchronous: an append holds the process for one sync of the disk, a few milliseconds.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { Head, Row } from './chain.ts'
import { type EventTable, overtaken } from './event-store.ts'
import {
  bytesOf,
  explainedSql,
  fileIdentity,
  openDatabase,
  openReader,
  rollBack,
  type SqliteDatabase,
  textOf,
} from './sqlite-file.ts'

/** Rows a query: libsql's statements hold their results until they are collected, so results stay small. */
const ROWS_A_PAGE = 2000

/**
 * Opens `file` for writing, and makes it if there is none. The caller sees to it that nobody else does.
 * @param coordinator Whose events these are.
 * @throws {TesseraError} ERR_STORE_WRITE, ERR_STORE_CORRUPT, ERR_STORE_NEWER, ERR_STORE_FOREIGN
 */
export async function openSqliteTable(file: string, coordinator: string): Promise<EventTable> {
  const database = await openDatabase(file, coordinator)
  const identity = await fileIdentity(file)
  return explainedSql(() => {
    const insert = database.prepare('INSERT INTO tessera_event (number, event, checksum) VALUES (?, ?, ?)')
    const move = database.prepare(
      'UPDATE tessera_head SET count = ?, checksum = ? WHERE count = ? AND checksum = ?',
    )
    const find = database.prepare(`SELECT ${bytesOf('event')} FROM tessera_event WHERE number = ?`).raw()
    return {
      scan: async (take) => scan(database, take),
      read: async (number) =>
        explainedSql(() => {
          const [row] = find.all(number) as [Uint8Array][]
          return row === undefined ? null : textOf(row[0])
        }),
      append: async (rows, from, to) => {
        // SQLite would go on writing into a file that has no name any more, and everything would be gone with the process.
        if ((await fileIdentity(file)) !== identity) throw movedAway()
        explainedSql(() => {
          database.exec('BEGIN IMMEDIATE')
          try {
            if (move.run(to.count, to.checksum, from.count, from.checksum).changes !== 1) throw overtaken()
            for (const { number, json, checksum } of rows) insert.run(number, json, checksum)
            database.exec('COMMIT')
          } catch (cause) {
            rollBack(database)
            throw cause
          }
        })
      },
      close: async () => {
        explainedSql(() => {
          try {
            // libsql keeps a connection until its statements are collected as garbage; the file is whole without the log from here on.
            database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
          } finally {
            database.close()
          }
        })
      },
    }
  })
}

function movedAway(): TesseraError {
  return new TesseraError(
    'ERR_STORE_WRITE',
    'events.db must stay where it is while the coordinator runs, got none or another file in its place',
  )
}

/** Reads `file` beside a process that may be writing it; `null` if there is none. Errors as {@link openSqliteTable}. */
export async function readSqliteTable(
  file: string,
  coordinator: string,
): Promise<Pick<EventTable, 'scan' | 'close'> | null> {
  const database = await openReader(file, coordinator)
  if (database === null) return null
  return {
    scan: async (take) => scan(database, take),
    close: async () => void explainedSql(() => database.close()),
  }
}

/** One transaction: rows and head of one moment. */
function scan(database: SqliteDatabase, take: (row: Row) => void): Head {
  return explainedSql(() => {
    const page = database
      .prepare(
        `SELECT number, ${bytesOf('event')}, ${bytesOf('checksum')} FROM tessera_event WHERE number > ? ORDER BY number LIMIT ?`,
      )
      .raw()
    database.exec('BEGIN')
    try {
      for (let last = 0; ; ) {
        const rows = page.all(last, ROWS_A_PAGE) as [number, Uint8Array, Uint8Array][]
        for (const [number, json, checksum] of rows) {
          take({ number, json: textOf(json), checksum: textOf(checksum) })
        }
        if (rows.length < ROWS_A_PAGE) break
        last = rows.at(-1)?.[0] ?? last
      }
      const [head] = database
        .prepare(`SELECT count, ${bytesOf('checksum')} FROM tessera_head`)
        .raw()
        .all() as [number, Uint8Array][]
      if (head === undefined) throw new TesseraError('ERR_STORE_CORRUPT', 'store must have a head, got none')
      return { count: head[0], checksum: textOf(head[1]) }
    } finally {
      rollBack(database)
    }
  })
}
