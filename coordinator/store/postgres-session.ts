/** @file A connection to PostgreSQL that holds the advisory lock of one coordinator, and the tables in that database. */
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { TesseraError } from '@tessera/shared/errors'
import { Client, DatabaseError } from 'pg'

/** A database that does not answer: long enough for one that is starting or swapping, short against any round. */
const CONNECT_MS = 10_000
/** A statement of ours takes milliseconds; one that has no answer by then is taken for lost. */
const QUERY_MS = 30_000
/** For the server to end a session of ours, or to notice that a killed process is gone, which it does at once. */
const LOCK_MS = 2000
const SCHEMA_VERSION = 1

/** Settings of our session. Keepalives: a server that does not hear of our end would hold the lock for two hours. */
const SETTINGS = `
  SET synchronous_commit = on; SET lock_timeout = ${LOCK_MS}; SET standard_conforming_strings = on;
  SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3`

const SCHEMA = `
  CREATE TABLE tessera_schema (version integer NOT NULL);
  CREATE TABLE tessera_head (coordinator text PRIMARY KEY, count bigint NOT NULL, checksum text NOT NULL);
  CREATE TABLE tessera_event (
    coordinator text NOT NULL REFERENCES tessera_head, number bigint NOT NULL CHECK (number > 0), event text NOT NULL, checksum text NOT NULL,
    PRIMARY KEY (coordinator, number));
  INSERT INTO tessera_schema VALUES (${SCHEMA_VERSION})`

/** A session that is connected. Its process id and start tell it from any other that the server may have. */
export interface Session {
  readonly client: Client
  readonly pid: number
  readonly startedAt: string
  /** False once the connection is lost. */
  alive(): boolean
  end(): Promise<void>
}

/** Connects. @throws {TesseraError} ERR_STORE_UNREACHABLE, ERR_CONFIG_INVALID if the database cannot hold every text. */
export async function connect(url: string): Promise<Session> {
  const client = new Client({
    connectionString: url,
    application_name: 'tessera',
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    keepAlive: true,
  })
  let alive = true
  // Also while nothing is asked: without a listener, a lost connection would end the process.
  client.on('error', () => void (alive = false)).on('end', () => void (alive = false))
  const end = async (): Promise<void> => {
    const { stream } = client.connection as unknown as { stream: Socket }
    // A peer that is gone does not answer our farewell; one that was lost is not told at all.
    if (alive) stream.setTimeout(CONNECT_MS, () => stream.destroy())
    else stream.destroy()
    alive = false
    await client.end().catch(() => undefined)
  }
  try {
    await client.connect()
    await client.query(SETTINGS)
    const { rows } = await client.query<{ pid: number; started: string; encoding: string }>(
      `SELECT pid, backend_start::text AS started, current_setting('server_encoding') AS encoding
       FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
    )
    const [{ pid, started, encoding }] = rows as [(typeof rows)[0]]
    if (encoding !== 'UTF8') {
      throw new TesseraError('ERR_CONFIG_INVALID', `database must have encoding UTF8, got ${encoding}`)
    }
    return { client, pid, startedAt: started, alive: () => alive, end }
  } catch (cause) {
    await end()
    throw unanswered(cause)
  }
}

/**
 * Makes the tables if there are none, and the coordinator's head. Two coordinators may do so at once.
 * @throws {TesseraError} ERR_STORE_NEWER if a newer Tessera has made them.
 */
export async function prepareTables({ client }: Session, coordinator: string): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey('')])
    // Not IF NOT EXISTS: that wants the right to make tables, which a user need not keep.
    if (!(await hasTables(client))) await client.query(SCHEMA)
    await client.query("INSERT INTO tessera_head VALUES ($1, 0, '') ON CONFLICT DO NOTHING", [coordinator])
    await client.query('COMMIT')
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw cause
  }
}

/** True if this database has our tables. @throws {TesseraError} ERR_STORE_NEWER if they are not of this version. */
export async function hasTables(client: Client): Promise<boolean> {
  const { rows: found } = await client.query("SELECT to_regclass('tessera_schema') AS made")
  if ((found[0] as { made: string | null }).made === null) return false
  const { rows } = await client.query<{ version: number }>('SELECT version FROM tessera_schema')
  if (rows.length === 1 && rows[0]?.version === SCHEMA_VERSION) return true
  throw new TesseraError(
    'ERR_STORE_NEWER',
    `store must have version ${SCHEMA_VERSION} of its tables, got ${rows[0]?.version ?? 'none'}`,
  )
}

/**
 * Takes the coordinator's lock for as long as the session lives.
 * @param earlier A lost session of ours: if the server still has it, it is ended, and with it whatever it was doing.
 * @throws {TesseraError} ERR_STORE_LOCKED if another process has it.
 */
export async function takeLock(
  { client }: Session,
  coordinator: string,
  earlier: Session | null,
): Promise<void> {
  if (earlier !== null) {
    await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2',
      [earlier.pid, earlier.startedAt],
    )
  }
  // What an earlier session had begun is decided once we have the lock: it ends with its session.
  await client.query('SELECT pg_advisory_lock($1)', [lockKey(coordinator)]).catch((cause: unknown) => {
    if ((cause as { code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw cause
    throw new TesseraError(
      'ERR_STORE_LOCKED',
      'store must have one writer, got another that has it in the database',
      { cause },
    )
  })
}

const LOCK_NOT_AVAILABLE = '55P03'

/** True when an error means that the connection, and with it the answer, is gone. Classes 08 and 57P: connection, shutdown. */
export function isLost(cause: unknown): boolean {
  if (cause instanceof TesseraError) return cause.code === 'ERR_STORE_UNREACHABLE'
  return !(cause instanceof DatabaseError) || /^(08|57P)/.test(cause.code ?? '')
}

/** A refused or lost append. PostgreSQL's own sentence may quote data: only its code is told. */
export function refused(cause: unknown): TesseraError {
  if (cause instanceof TesseraError && cause.code !== 'ERR_STORE_UNREACHABLE') return cause
  return new TesseraError('ERR_STORE_WRITE', `store must be writable, got ${reasonOf(cause)}`, { cause })
}

/** A connection that cannot be made, or is lost while reading. */
export function unanswered(cause: unknown): TesseraError {
  if (cause instanceof TesseraError) return cause
  return new TesseraError(
    'ERR_STORE_UNREACHABLE',
    `database must be reachable with the given user and password, got ${reasonOf(cause)}`,
    { cause },
  )
}

function reasonOf(cause: unknown): string {
  if (cause instanceof TesseraError) return 'a database that cannot be reached'
  const { code } = cause as { code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]{3,40}$/.test(code) ? code : 'a lost connection'
}

/** Advisory locks are 64-bit numbers that all users of a database share: of two coordinators, or of another program, they hardly meet. */
function lockKey(coordinator: string): string {
  return createHash('sha256').update(`tessera store ${coordinator}`).digest().readBigInt64BE().toString()
}
