/**
 * @file Rows in a PostgreSQL database, for a coordinator whose events belong to a database that others run and back up.
 *
 * One writer: the session holds an advisory lock, and each append moves the head from where this process knows it, so that one that lost the
 * lock changes nothing. Several coordinators may share a database: rows carry the coordinator's fingerprint.
 *
 * An append is one statement. When its connection is lost, nobody knows whether it went in: a new session ends the old one, takes the lock and looks
 * at the head. If that fails too, the caller is told ERR_STORE_WRITE, and the next append first takes back what may have gone in.
 */
import { EMPTY_HEAD, type Head, type Row } from './chain.ts'
import { type EventTable, overtaken } from './event-store.ts'
import {
  connect,
  hasTables,
  isLost,
  prepareTables,
  refused,
  type Session,
  takeLock,
  unanswered,
} from './postgres-session.ts'

/** Rows a query: some MB. */
const ROWS_A_PAGE = 5000

const APPEND = `
  WITH head AS (
    UPDATE tessera_head SET count = $4, checksum = $5 WHERE coordinator = $1 AND count = $2 AND checksum = $3 RETURNING coordinator)
  INSERT INTO tessera_event (coordinator, number, event, checksum)
  SELECT head.coordinator, added.number, added.event, added.checksum
  FROM head, unnest($6::bigint[], $7::text[], $8::text[]) AS added (number, event, checksum)`
const TAKE_BACK = `
  WITH head AS (
    UPDATE tessera_head SET count = $4, checksum = $5 WHERE coordinator = $1 AND count = $2 AND checksum = $3 RETURNING coordinator)
  DELETE FROM tessera_event USING head WHERE tessera_event.coordinator = head.coordinator AND tessera_event.number > $4`
const EVENT = 'SELECT event FROM tessera_event WHERE coordinator = $1 AND number = $2'
const HEAD = 'SELECT count, checksum FROM tessera_head WHERE coordinator = $1'

/**
 * Opens a coordinator's rows for writing; makes the tables if there are none.
 * @param url As in `postgres-url.ts`.
 * @param coordinator Whose events these are.
 * @throws {TesseraError} ERR_STORE_UNREACHABLE, ERR_STORE_LOCKED, ERR_STORE_NEWER, ERR_STORE_WRITE if the user may not make tables.
 */
export async function openPostgresTable(url: string, coordinator: string): Promise<EventTable> {
  let session = await openSession(url, coordinator, null)
  /** Where an append would have moved the head whose fate is not known. */
  let doubtful: Head | null = null

  /** Gives the session, or a new one when it is lost. */
  const connected = async (): Promise<Session> => {
    if (!session.alive()) session = await openSession(url, coordinator, session)
    return session
  }
  const attempt = async (rows: readonly Row[], from: Head, to: Head): Promise<void> => {
    const { client } = await connected()
    if (doubtful !== null) {
      await client.query(TAKE_BACK, moved(coordinator, doubtful, from))
      doubtful = null
    }
    const { rowCount } = await client.query(APPEND, [
      ...moved(coordinator, from, to),
      rows.map(({ number }) => number),
      rows.map(({ json }) => json),
      rows.map(({ checksum }) => checksum),
    ])
    // None: the head was elsewhere. Where it should be, if an earlier attempt went in and its answer was lost.
    if (rowCount === 0 && !same(await headOf(session, coordinator), to)) throw overtaken()
  }
  return {
    scan: async (take) => scan(await connected(), coordinator, take),
    async append(rows, from, to) {
      let lost = false
      // Twice: most lost connections are ones that a server or a firewall closed while nobody used them.
      for (let again = true; ; again = false) {
        try {
          await attempt(rows, from, to)
          return
        } catch (cause) {
          const lostNow = isLost(cause)
          lost ||= lostNow
          if (lostNow) await session.end()
          if (lostNow && again) continue
          if (lost) doubtful ??= to
          throw refused(cause)
        }
      }
    },
    async read(number) {
      const { client } = await connected()
      try {
        const { rows } = await client.query<{ event: string }>(EVENT, [coordinator, number])
        return rows[0]?.event ?? null
      } catch (cause) {
        throw unanswered(cause)
      }
    },
    close: () => session.end(),
  }
}

/** Reads a coordinator's rows beside a process that may be writing them. @throws {TesseraError} ERR_STORE_UNREACHABLE, ERR_STORE_NEWER */
export async function readPostgresTable(
  url: string,
  coordinator: string,
): Promise<Pick<EventTable, 'scan' | 'close'>> {
  const session = await connect(url)
  return { scan: (take) => scan(session, coordinator, take), close: () => session.end() }
}

async function openSession(url: string, coordinator: string, earlier: Session | null): Promise<Session> {
  const session = await connect(url)
  try {
    await prepareTables(session, coordinator)
    await takeLock(session, coordinator, earlier)
    return session
  } catch (cause) {
    await session.end()
    throw earlier === null ? refused(cause) : cause
  }
}

/** One transaction on one snapshot: rows and head of one moment. */
async function scan(session: Session, coordinator: string, take: (row: Row) => void): Promise<Head> {
  const { client } = session
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    if (!(await hasTables(client))) return EMPTY_HEAD
    for (let last = '0'; ; ) {
      const { rows } = await client.query<{ number: string; event: string; checksum: string }>(
        'SELECT number, event, checksum FROM tessera_event WHERE coordinator = $1 AND number > $2 ORDER BY number LIMIT $3',
        [coordinator, last, ROWS_A_PAGE],
      )
      for (const { number, event, checksum } of rows) take({ number: Number(number), json: event, checksum })
      if (rows.length < ROWS_A_PAGE) break
      last = rows.at(-1)?.number ?? last
    }
    return await headOf(session, coordinator)
  } catch (cause) {
    throw unanswered(cause)
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

async function headOf({ client }: Session, coordinator: string): Promise<Head> {
  const { rows } = await client.query<{ count: string; checksum: string }>(HEAD, [coordinator])
  return { count: Number(rows[0]?.count ?? 0), checksum: rows[0]?.checksum ?? '' }
}

function moved(coordinator: string, from: Head, to: Head): (string | number)[] {
  return [coordinator, from.count, from.checksum, to.count, to.checksum]
}

function same(a: Head, b: Head): boolean {
  return a.count === b.count && a.checksum === b.checksum
}
