/**
 * @file Structured logs: lines on standard error, event names `noun.verb` (docs/logs.md has them all), fields from a fixed list.
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

/** Their names. */
export const LOG_FIELDS: ReadonlySet<string> = new Set<keyof LogFields>([
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

/** Ascending: each one is shown with those after it. */
export const LOG_LEVELS = ['info', 'warn', 'error'] as const
export const LOG_FORMATS = ['json', 'text'] as const
type Level = (typeof LOG_LEVELS)[number]

export interface LogStyle {
  /** The lowest that is shown; by default all. */
  readonly level?: Level | undefined
  /** By default JSON, for programs; text is for people. */
  readonly format?: (typeof LOG_FORMATS)[number] | undefined
}

/** Builds a log that writes one line per event to `write`. */
export function createLog(
  write: (line: string) => void,
  clock: Clock,
  base: LogFields = {},
  style: LogStyle = {},
): Log {
  const { level: lowest = 'info', format = 'json' } = style
  const emit = (level: Level, event: string, fields: LogFields = {}): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(lowest)) return
    const allowed = Object.entries({ ...base, ...fields }).filter(([name]) => LOG_FIELDS.has(name))
    const time = new Date(clock.now()).toISOString()
    const line =
      format === 'json'
        ? JSON.stringify({ time, level, event, ...Object.fromEntries(allowed) })
        : [time, level.toUpperCase().padEnd(5), event, ...allowed.map(asText)].join(' ')
    // Reasons quote what peers and studies say, and JSON itself escapes neither C1 nor bidi characters.
    write(`${printable(line)}\n`)
  }
  return {
    info: (event, fields) => emit('info', event, fields),
    warn: (event, fields) => emit('warn', event, fields),
    error: (event, fields) => emit('error', event, fields),
    child: (fields) => createLog(write, clock, { ...base, ...fields }, style),
  }
}

/** `name=value`; a value with other than plain characters is quoted, so that none can look like the next field. */
function asText([name, value]: [string, unknown]): string {
  const text = String(value)
  return `${name}=${/^[\w.:+/-]+$/.test(text) ? text : JSON.stringify(text)}`
}

/** A log that writes nothing. */
export const silentLog: Log = { info() {}, warn() {}, error() {}, child: () => silentLog }
