/** @file The append-only store of events, over the table that keeps their rows. */
import { TesseraError } from '@tessera/shared/errors'
import { type Head, parseEvent, type Row, readChain, rowsAfter } from './chain.ts'

/** Where rows are kept: the seam between the store and a database. */
export interface EventTable {
  /** Hands over all rows, in the order of their numbers and as of one moment, and gives the head of that moment. */
  scan(take: (row: Row) => void): Promise<Head>
  /**
   * Adds `rows` and moves the head, all or nothing, and only if the head is still `from`; returns when they survive a power cut.
   * When it rejects, the next append follows the rows before: what may have gone in all the same is taken back first.
   * @throws {TesseraError} ERR_STORE_WRITE; ERR_STORE_LOCKED if another process has written.
   */
  append(rows: readonly Row[], from: Head, to: Head): Promise<void>
  /** Gives one event's text; null if there is no such row. */
  read(number: number): Promise<string | null>
  close(): Promise<void>
}

export interface EventStore<E> {
  /** What was in the store when it was opened, oldest first; empty after {@link EventStore.forget}. */
  readonly events: readonly E[]
  /** Lets go of {@link EventStore.events}: whoever has built his state from them should not hold a study's whole past in memory. */
  forget(): void
  /**
   * Adds one event, or several of which all or none are kept; gives the number of the last one. Calls are carried out one after the other.
   * Errors as {@link EventTable.append}.
   */
  append(events: E | readonly E[]): Promise<number>
  /** Has the database answer. @throws {TesseraError} ERR_STORE_UNREACHABLE */
  tryOut(): Promise<void>
  /** Gives the event of a number, 1 and up. @throws {TesseraError} ERR_STORE_CORRUPT if it is not there or none that this version knows. */
  read(number: number): Promise<E>
  close(): Promise<void>
}

/**
 * Reads a table and checks it.
 * @param parse Checks one event; it throws at what this version does not know.
 * @throws {TesseraError} ERR_STORE_CORRUPT, ERR_STORE_NEWER, naming the event.
 */
export async function readTable<E>(
  table: Pick<EventTable, 'scan'>,
  parse: (value: unknown) => E,
): Promise<{ events: E[]; head: Head }> {
  const chain = readChain(parse)
  const head = await table.scan((row) => chain.take(row))
  return { events: chain.end(head), head }
}

/** Opens a store over its table, which it closes. Errors as {@link readTable}. */
export async function openEventStore<E extends object>(
  table: EventTable,
  parse: (value: unknown) => E,
): Promise<EventStore<E>> {
  const read = await readTable(table, parse)
  let head = read.head
  let earlier = read.events
  let [queue, closed]: [Promise<unknown>, boolean] = [Promise.resolve(), false]

  const write = async (events: readonly E[]): Promise<number> => {
    const next = rowsAfter(
      head,
      events.map((event) => JSON.stringify(event)),
    )
    if (next.rows.length > 0) await table.append(next.rows, head, next.head)
    head = next.head
    return head.count
  }
  return {
    get events() {
      return earlier
    },
    forget() {
      earlier = []
    },
    append(given) {
      if (closed) return Promise.reject(new TesseraError('ERR_STORE_WRITE', 'store must be open, got closed'))
      const events = Array.isArray(given) ? (given as readonly E[]) : [given as E]
      const written = queue.then(() => write(events))
      queue = written.catch(() => undefined)
      return written
    },
    async tryOut() {
      // A row that must be there, or one that is not: either is an answer.
      await table.read(Math.max(1, head.count))
    },
    async read(number) {
      const json = await table.read(number)
      if (json !== null) return parseEvent({ number, json }, parse)
      throw new TesseraError('ERR_STORE_CORRUPT', `event ${number} of the store must be there, got none`)
    },
    async close() {
      if (closed) return
      closed = true
      await queue
      await table.close()
    },
  }
}

/** Another process writes the same store, in spite of its lock. */
export function overtaken(cause?: unknown): TesseraError {
  return new TesseraError('ERR_STORE_LOCKED', 'store must have one writer, got another that has written', {
    cause,
  })
}

/** Some MB a transaction: within any database's time-outs. */
const ROWS_A_COPY = 5000

/**
 * Copies the rows that `table` lacks of `rows`. It may hold the first ones of them, from a copying that was cut short.
 * @throws {TesseraError} ERR_STORE_CORRUPT if it holds others.
 */
export async function copyRows(rows: readonly Row[], table: EventTable): Promise<void> {
  let same = true
  let head = await table.scan((row) => {
    const original = rows[row.number - 1]
    same &&= original === undefined || original.checksum === row.checksum
  })
  if (!same) {
    throw new TesseraError('ERR_STORE_CORRUPT', 'store must be empty to take over an earlier one, got events')
  }
  for (let start = head.count; start < rows.length; start += ROWS_A_COPY) {
    const slice = rows.slice(start, start + ROWS_A_COPY)
    const last = slice.at(-1) as Row
    const next = { count: last.number, checksum: last.checksum }
    await table.append(slice, head, next)
    head = next
  }
}
