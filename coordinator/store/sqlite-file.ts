/** @file The file `events.db`: how it is made, opened and checked, and what SQLite's refusals become. */
import type { BigIntStats } from 'node:fs'
import { chmod, open, readFile, rm, stat } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, renameDurably, survivesPowerCuts } from '@tessera/shared/files'
import Database from 'libsql'
import { overtaken } from './event-store.ts'
import { isLogDamaged } from './sqlite-log.ts'

export type SqliteDatabase = Database.Database

/** `PRAGMA application_id`: "TESS". Tells the file from another program's database. */
const APPLICATION_ID = 0x54455353
/**
 * `PRAGMA user_version`. A newer one is refused: this version does not know what the tables mean. Older ones must be taken forward for good: their texts are in
 * tests/coordinator/store/earlier-stores.ts, and each has to open.
 */
const SCHEMA_VERSION = 1
/** A reader may meet the moment in which the log is being recovered or folded in: that takes milliseconds. */
const BUSY_MS = 5000

const SCHEMA = `
  CREATE TABLE tessera_head (coordinator TEXT NOT NULL, count INTEGER NOT NULL, checksum TEXT NOT NULL) STRICT;
  CREATE TABLE tessera_event (number INTEGER PRIMARY KEY CHECK (number > 0), event TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};`

/** Opens the database for its one writer, and makes it if there is none. Errors as `openSqliteTable`. */
export async function openDatabase(file: string, coordinator: string): Promise<SqliteDatabase> {
  if (!(await fileExists(file))) await create(file, coordinator)
  await assertLogWhole(file)
  return explainedSql(() => {
    const database = connect(file, 'mode=rw')
    return checked(database, () => {
      // Before anything is written: what is damaged is left as it is.
      assertOurs(database, coordinator)
      if (valueOf(database, 'PRAGMA quick_check(1)') !== 'ok') throw corrupt('a damaged page')
      if (valueOf(database, 'PRAGMA journal_mode = WAL') !== 'wal') throw corrupt('no log')
      database.exec(
        survivesPowerCuts(file)
          ? 'PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON'
          : 'PRAGMA synchronous = OFF',
      )
      // A file that may only be read is opened all the same: better found out now than at the first event.
      database.exec('BEGIN IMMEDIATE; ROLLBACK')
    })
  })
}

/** Opens the database for reading only; `null` if there is none. */
export async function openReader(file: string, coordinator: string): Promise<SqliteDatabase | null> {
  if (!(await fileExists(file))) return null
  await assertLogWhole(file)
  const hasLog = ((await statOf(`${file}-wal`))?.size ?? 0n) > 0n
  const openAs = (query: string): SqliteDatabase => {
    const database = connect(file, query)
    return checked(database, () => assertOurs(database, coordinator))
  }
  return explainedSql(() => {
    try {
      return openAs('mode=ro')
    } catch (cause) {
      // A folder that cannot be written has no place for the log's index. Without a log, the file is all there is and nobody changes it.
      if (hasLog || !NO_PLACE.has(codeOf(cause) & 0xff)) throw cause
      return openAs('mode=ro&immutable=1')
    }
  })
}

/** Runs work on SQLite; what it refuses becomes a {@link TesseraError} without a path. */
export function explainedSql<T>(work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const code = codeOf(cause)
    if (cause instanceof TesseraError || Number.isNaN(code)) throw cause
    const kind = code & 0xff
    if (DAMAGE.has(kind)) throw corrupt(`SQLite's error ${code}`, cause)
    if (kind === SQLITE_BUSY) throw overtaken(cause)
    throw new TesseraError(
      'ERR_STORE_WRITE',
      `store must be writable, got ${REASONS[kind] ?? `SQLite's error ${code}`}`,
      {
        cause,
      },
    )
  }
}

/** Ends the open transaction, if SQLite has not done so itself. */
export function rollBack(database: SqliteDatabase): void {
  if (database.inTransaction) database.exec('ROLLBACK')
}

const SQLITE_BUSY = 5
/** By SQLite's primary codes: a statement that must work and does not (1), damage (11), another kind of file (26). */
const DAMAGE: ReadonlySet<number> = new Set([1, 11, 26])
/** Read-only (8), cannot open (14). */
const NO_PLACE: ReadonlySet<number> = new Set([8, 14])
const REASONS: Readonly<Record<number, string>> = {
  8: 'a read-only folder, or another file in its place',
  10: 'an input or output error',
  13: 'a full disk',
  14: 'a file that cannot be opened',
}

/** SQLite's extended code of an error; NaN if it is none. libsql gives a failed opening as a text that ends in the code. */
function codeOf(cause: unknown): number {
  const { rawCode, message } = cause as { rawCode?: unknown; message?: unknown }
  if (typeof rawCode === 'number') return rawCode
  return Number(/^ConnectionFailed.*: (\d+)"\)$/s.exec(String(message))?.[1] ?? Number.NaN)
}

async function create(file: string, coordinator: string): Promise<void> {
  // Under another name until it is whole: an events.db without its tables is always damage, never a store that is new.
  const draft = `${file}.new`
  await explained(async () => {
    for (const leftover of [draft, `${draft}-journal`]) await rm(leftover, { force: true })
    await (await open(draft, 'wx', 0o600)).close()
    explainedSql(() => {
      const database = connect(draft, 'mode=rw')
      checked(database, () => {
        database.exec(`PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; BEGIN; ${SCHEMA}`)
        database.prepare("INSERT INTO tessera_head VALUES (?, 0, '')").run(coordinator)
        database.exec('COMMIT')
      }).close()
    })
    await chmod(draft, 0o600)
  })
  await renameDurably(draft, file)
}

/** As a URI: libsql takes a plain name that begins with http for a server, and creates what is not there. */
function connect(file: string, query: string): SqliteDatabase {
  return new Database(`${pathToFileURL(file).href}?${query}`, { timeout: BUSY_MS })
}

function checked(database: SqliteDatabase, check: () => void): SqliteDatabase {
  try {
    check()
    return database
  } catch (cause) {
    database.close()
    throw cause
  }
}

function assertOurs(database: SqliteDatabase, coordinator: string): void {
  if (valueOf(database, 'PRAGMA application_id') !== APPLICATION_ID)
    throw corrupt("another program's database")
  const version = Number(valueOf(database, 'PRAGMA user_version'))
  if (version > SCHEMA_VERSION) {
    throw new TesseraError(
      'ERR_STORE_NEWER',
      `store must have version ${SCHEMA_VERSION} of its tables, got ${version}`,
    )
  }
  if (version !== SCHEMA_VERSION) throw corrupt(`version ${version} of its tables`)
  const owner = valueOf(database, `SELECT ${bytesOf('coordinator')} FROM tessera_head`)
  if (textOf(owner as Uint8Array) !== coordinator) {
    throw new TesseraError('ERR_STORE_FOREIGN', "store must be this coordinator's, got that of another key")
  }
}

/** A text's column in a query, as bytes: libsql ends the process at a text that damage has left without valid UTF-8. */
export function bytesOf(column: string): string {
  return `CAST(${column} AS BLOB)`
}

/** What is not UTF-8 becomes another text, which the checksums find. */
export function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('utf8')
}

function valueOf(database: SqliteDatabase, sql: string): unknown {
  const [row] = database.prepare(sql).raw().all() as unknown[][]
  return row?.[0]
}

async function assertLogWhole(file: string): Promise<void> {
  const log = await readLog(file)
  if (!isLogDamaged(log)) return
  // A reader may have met a log that is being written over from its start: that one has changed meanwhile.
  if (log.equals(await readLog(file))) throw corrupt('a log that is damaged before its end')
}

/** SQLite folds the log in at 1,000 pages of 4 KiB, so that it has a few MB. */
async function readLog(file: string): Promise<Buffer> {
  return explained(() =>
    readFile(`${file}-wal`).catch((cause: unknown) => {
      if (isMissing(cause)) return Buffer.alloc(0)
      throw cause
    }),
  )
}

export async function fileExists(file: string): Promise<boolean> {
  return (await statOf(file)) !== null
}

/** Tells a file from another one of the same name; null when there is none. */
export async function fileIdentity(file: string): Promise<string | null> {
  const found = await statOf(file)
  return found && `${found.dev}:${found.ino}`
}

function statOf(file: string): Promise<BigIntStats | null> {
  return explained(() =>
    stat(file, { bigint: true }).catch((cause: unknown) => {
      if (isMissing(cause)) return null
      throw cause
    }),
  )
}

function corrupt(got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_STORE_CORRUPT', `events.db must be as it was written, got ${got}`, { cause })
}
