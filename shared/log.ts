/**
 * @file Structured logs: JSON lines on standard error, event names `noun.verb`, fields from a fixed list.
 *
 * A field that is not on the list does not reach the log: a file name, a key or a path of a slide cannot slip in by mistake.
 */
import type { Clock } from './clock.ts'
import { printable } from './printable.ts'

/** All that a log line may hold beside its event. Add a field here, with care for what it could reveal. */
export interface LogFields {
  site?: string
  study?: string
  round?: number
  attempt?: number
  code?: string
  /** A sentence for a person. Messages of TesseraError qualify: they hold no secret and no path. */
  reason?: string
  samples?: number
  sites?: number
  bytes?: number
  norm?: number
  loss?: number
  durationMs?: number
  delayMs?: number
  port?: number
  engine?: string
  sha256?: string
  fingerprint?: string
  /** Where a connection came from. */
  address?: string
  version?: string
  count?: number
  /** Who has signed in to a dashboard, and what they did there. */
  operator?: string
  act?: string
}

const FIELD_NAMES: ReadonlySet<string> = new Set<keyof LogFields>([
  'site',
  'study',
  'round',
  'attempt',
  'code',
  'reason',
  'samples',
  'sites',
  'bytes',
  'norm',
  'loss',
  'durationMs',
  'delayMs',
  'port',
  'engine',
  'sha256',
  'fingerprint',
  'address',
  'version',
  'count',
  'operator',
  'act',
])

/** Writes events; `child` gives a log that adds the same fields to each. */
export interface Log {
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
  child(fields: LogFields): Log
}

/** Builds a log that writes one JSON line per event to `write`. */
export function createLog(write: (line: string) => void, clock: Clock, base: LogFields = {}): Log {
  const emit = (level: string, event: string, fields: LogFields = {}): void => {
    const allowed = Object.entries({ ...base, ...fields }).filter(([name]) => FIELD_NAMES.has(name))
    const time = new Date(clock.now()).toISOString()
    // Reasons quote what peers and studies say, and JSON itself escapes neither C1 nor bidi characters.
    const line = printable(JSON.stringify({ time, level, event, ...Object.fromEntries(allowed) }))
    write(`${line}\n`)
  }
  return {
    info: (event, fields) => emit('info', event, fields),
    warn: (event, fields) => emit('warn', event, fields),
    error: (event, fields) => emit('error', event, fields),
    child: (fields) => createLog(write, clock, { ...base, ...fields }),
  }
}

/** A log that writes nothing. */
export const silentLog: Log = { info() {}, warn() {}, error() {}, child: () => silentLog }
