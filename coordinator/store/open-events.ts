/** @file Which database holds a coordinator's events, and how those of an earlier store come into it. */
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { renameDurably, writeDurably } from '@tessera/shared/files'
import type { StorePlace } from '../config.ts'
import type { Row } from './chain.ts'
import { copyRows, type EventStore, type EventTable, openEventStore, readTable } from './event-store.ts'
import { readJsonlFile } from './jsonl-file.ts'
import { openPostgresTable, readPostgresTable } from './postgres-table.ts'
import { fileExists } from './sqlite-file.ts'
import { openSqliteTable, readSqliteTable } from './sqlite-table.ts'

type Parse<E> = (value: unknown) => E

/**
 * Opens the events of the coordinator in `dir` for writing. What an earlier version or setting left in the folder is taken over first: `events.jsonl`
 * into SQLite, `events.db` into PostgreSQL. The file taken over gets the ending `.imported` and is not looked at again.
 * @returns `cutBytes`: bytes of an unacknowledged last line of `events.jsonl` that were left out.
 */
export async function openEvents<E extends object>(
  dir: string,
  { postgres, coordinator }: StorePlace,
  parse: Parse<E>,
): Promise<{ store: EventStore<E>; cutBytes: number }> {
  if (postgres === null) await assertHere(dir)
  const cutBytes = await importJsonl(dir, coordinator)
  if (postgres === null) {
    return { store: await opened(await openSqliteTable(databaseFile(dir), coordinator), parse), cutBytes }
  }
  const table = await openPostgresTable(postgres, coordinator)
  return closingOnError(table, async () => {
    await importSqlite(dir, coordinator, table)
    await markElsewhere(dir)
    return { store: await openEventStore(table, parse), cutBytes }
  })
}

/** The events now, read beside a coordinator that runs. */
export async function readStoredEvents<E>(
  dir: string,
  place: StorePlace,
  parse: Parse<E>,
): Promise<readonly E[]> {
  const table = await openReading(dir, place)
  if (table === null) return []
  return closingOnError(table, async () => {
    const { events } = await readTable(table, parse)
    await table.close()
    return events
  })
}

/** The same with their rows. */
export async function readStoredRows<E>(
  dir: string,
  place: StorePlace,
  parse: Parse<E>,
): Promise<{ rows: Row[]; events: readonly E[] }> {
  const table = await openReading(dir, place)
  if (table === null) return { rows: [], events: [] }
  return closingOnError(table, async () => {
    const { rows, events } = await rowsOf(table, parse)
    await table.close()
    return { rows, events }
  })
}

/** What a command may read of the store now; null when there is none. */
async function openReading(
  dir: string,
  { postgres, coordinator }: StorePlace,
): Promise<Pick<EventTable, 'scan' | 'close'> | null> {
  if (postgres === null) await assertHere(dir)
  // What has not been taken over yet, or not to its end, is still the whole truth.
  const jsonl = await readJsonlFile(jsonlFile(dir))
  if (jsonl !== null) return tableOf(jsonl.rows)
  return (
    (await readSqliteTable(databaseFile(dir), coordinator)) ??
    (postgres === null ? null : await readPostgresTable(postgres, coordinator))
  )
}

/** All rows of a table, checked. */
export async function rowsOf<E>(
  table: Pick<EventTable, 'scan'>,
  parse: Parse<E>,
): Promise<{ rows: Row[]; events: E[] }> {
  const rows: Row[] = []
  const scan: EventTable['scan'] = (take) =>
    table.scan((row) => {
      take(row)
      rows.push(row)
    })
  const { events } = await readTable({ scan }, parse)
  return { rows, events }
}

async function importJsonl(dir: string, coordinator: string): Promise<number> {
  const file = jsonlFile(dir)
  const earlier = await readJsonlFile(file)
  if (earlier === null) return 0
  const table = await openSqliteTable(databaseFile(dir), coordinator)
  await closingOnError(table, () => copyRows(earlier.rows, table))
  await table.close()
  await renameDurably(file, `${file}.imported`)
  return earlier.cutBytes
}

async function importSqlite(dir: string, coordinator: string, into: EventTable): Promise<void> {
  const file = databaseFile(dir)
  if (!(await fileExists(file))) return
  // Opened as its writer: what its log holds is in the file when it is closed.
  const earlier = await openSqliteTable(file, coordinator)
  await closingOnError(earlier, async () => {
    const { rows } = await rowsOf(earlier, (value) => value)
    await copyRows(rows, into)
  })
  await earlier.close()
  await renameDurably(file, `${file}.imported`)
}

/** A folder whose events are in PostgreSQL says so: opened without its setting, it would begin again from nothing. */
async function assertHere(dir: string): Promise<void> {
  if (!(await fileExists(elsewhereFile(dir)))) return
  throw new TesseraError(
    'ERR_CONFIG_INVALID',
    'store must be the PostgreSQL database that has the events (coordinator.json or TESSERA_STORE), got none',
  )
}

async function markElsewhere(dir: string): Promise<void> {
  if (await fileExists(elsewhereFile(dir))) return
  await writeDurably(elsewhereFile(dir), 'The events of this coordinator are in a PostgreSQL database.\n')
}

function opened<E extends object>(table: EventTable, parse: Parse<E>): Promise<EventStore<E>> {
  return closingOnError(table, () => openEventStore(table, parse))
}

async function closingOnError<T>(table: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    // Closing what is damaged may fail too, and would hide why.
    await table.close().catch(() => undefined)
    throw cause
  }
}

function tableOf(rows: readonly Row[]): Pick<EventTable, 'scan' | 'close'> {
  return {
    scan: async (take) => {
      for (const row of rows) take(row)
      return { count: rows.length, checksum: rows.at(-1)?.checksum ?? '' }
    },
    close: async () => undefined,
  }
}

function databaseFile(dir: string): string {
  return join(dir, 'events.db')
}

function elsewhereFile(dir: string): string {
  return join(dir, 'events.elsewhere')
}

function jsonlFile(dir: string): string {
  return join(dir, 'events.jsonl')
}
