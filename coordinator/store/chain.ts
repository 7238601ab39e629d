/**
 * @file The chain that runs through the stored events: what is kept of each one, and how a store is checked when it is read.
 *
 * An event's row holds its number (1, 2, …), its JSON text and `checksum`, the first 128 bits of SHA-256(checksum of the row before + the text).
 * The store's head holds how many rows there are and the last checksum, and changes in the same transaction. So a row that was changed, lost,
 * swapped or added is noticed, also at the end.
 */
import { TesseraError } from '@tessera/shared/errors'
import { sha256Hex } from '@tessera/shared/security'

export interface Row {
  readonly number: number
  readonly json: string
  readonly checksum: string
}

/** How far a store goes. */
export interface Head {
  readonly count: number
  /** Of the last row; empty when there is none. */
  readonly checksum: string
}

export const EMPTY_HEAD: Head = { count: 0, checksum: '' }

export function checksumOf(previous: string, json: string): string {
  return sha256Hex(previous + json).slice(0, 32)
}

/** Gives the rows that continue a store with these texts, and its head after them. */
export function rowsAfter(head: Head, texts: readonly string[]): { rows: Row[]; head: Head } {
  const rows: Row[] = []
  let { count, checksum } = head
  for (const json of texts) {
    checksum = checksumOf(checksum, json)
    rows.push({ number: ++count, json, checksum })
  }
  return { rows, head: { count, checksum } }
}

export interface ChainReader<E> {
  /** Takes the next row. @throws {TesseraError} ERR_STORE_CORRUPT, ERR_STORE_NEWER, naming its number. */
  take(row: Row): void
  /** Ends the reading and gives all events. @throws {TesseraError} ERR_STORE_CORRUPT if the rows are not those of `head`. */
  end(head: Head): E[]
}

/** @param parse Checks one event of the store; it throws at what this version does not know. */
export function readChain<E>(parse: (value: unknown) => E): ChainReader<E> {
  const events: E[] = []
  let checksum = ''
  return {
    take(row) {
      const number = events.length + 1
      if (row.number !== number) throw corrupt(number, `be there, got event ${row.number} in its place`)
      if (row.checksum !== checksumOf(checksum, row.json)) {
        throw corrupt(number, 'be as it was written, got another checksum')
      }
      checksum = row.checksum
      events.push(parseEvent(row, parse))
    },
    end(head) {
      if (head.count > events.length) throw corrupt(events.length + 1, 'be there, got none')
      if (head.count < events.length) throw corrupt(head.count + 1, 'not be there, got one')
      if (head.checksum !== checksum) throw corrupt(head.count, 'be the last one written, got another')
      return events
    },
  }
}

/** Reads a row's text. @throws {TesseraError} ERR_STORE_CORRUPT, ERR_STORE_NEWER, naming its number. */
export function parseEvent<E>({ number, json }: Omit<Row, 'checksum'>, parse: (value: unknown) => E): E {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw new TesseraError(
      'ERR_STORE_CORRUPT',
      `event ${number} of the store must be JSON, got another text`,
      { cause },
    )
  }
  try {
    return parse(value)
  } catch (cause) {
    // Its checksum is right: it is as Tessera wrote it, and this Tessera would not have written it.
    throw new TesseraError(
      'ERR_STORE_NEWER',
      `event ${number} of the store must be one that this version knows, got ${typeOf(value)}`,
      { cause },
    )
  }
}

/** The event's type if that is a plain name: what is printed comes from a file. */
function typeOf(value: unknown): string {
  const type = (value as { type?: unknown } | null)?.type
  return typeof type === 'string' && /^[a-z][a-z.-]{0,40}$/.test(type) ? type : 'an event without a type'
}

function corrupt(number: number, rule: string): TesseraError {
  return new TesseraError('ERR_STORE_CORRUPT', `event ${number} of the store must ${rule}`)
}
