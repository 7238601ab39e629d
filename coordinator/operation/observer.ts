/**
 * @file What the coordinator tells of its work to whoever counts it, draws it or traces it. One observer is passed in where the coordinator is opened:
 * nothing global, and nothing is decided on it. Must not throw, and must be quick: it is told in the middle of the work.
 */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, type ErrorCode } from '@tessera/shared/errors'
import type { StoredEvent } from '../events.ts'

/** `append`: events into the store; `upload`: from a manifest, or from where it is gone on with, to the receipt; `aggregate`: the student's bytes; `publish`: with its record. */
export type Work = 'append' | 'upload' | 'aggregate' | 'publish'

/** Work that has ended. */
export interface Worked {
  readonly work: Work
  readonly study?: string
  readonly round?: number
  readonly site?: string
  readonly bytes?: number
  /** On the clock's `now`, for whoever draws it beside others. */
  readonly endedAtMs: number
  readonly durationMs: number
  /** Why it failed. */
  readonly code: ErrorCode | null
}

export interface Observer {
  /** Told of each event when it is in the log. */
  recorded(event: StoredEvent): void
  worked(worked: Worked): void
  /** Bytes of models that left, and of updates that came in. */
  moved(way: 'sent' | 'received', bytes: number): void
  /** A connection of a site, or one that may become a site's, has begun or ended. */
  session(change: 1 | -1): void
  /** A whole session was refused, or one message in it. */
  refused(what: 'session' | 'message', code: ErrorCode): void
}

/** Looks at nothing. */
export const blindObserver: Observer = {
  recorded() {},
  worked() {},
  moved() {},
  session() {},
  refused() {},
}

/** Tells several. */
export function observers(all: readonly Observer[]): Observer {
  return {
    recorded: (event) => all.forEach((one) => one.recorded(event)),
    worked: (worked) => all.forEach((one) => one.worked(worked)),
    moved: (way, bytes) => all.forEach((one) => one.moved(way, bytes)),
    session: (change) => all.forEach((one) => one.session(change)),
    refused: (what, code) => all.forEach((one) => one.refused(what, code)),
  }
}

/** Measures work, whatever becomes of it. */
export async function observed<T>(
  observer: Observer,
  clock: Clock,
  about: Omit<Worked, 'endedAtMs' | 'durationMs' | 'code'>,
  work: () => Promise<T>,
): Promise<T> {
  const startMs = clock.elapsed()
  const tell = (code: ErrorCode | null): void =>
    observer.worked({ ...about, endedAtMs: clock.now(), durationMs: clock.elapsed() - startMs, code })
  try {
    const result = await work()
    tell(null)
    return result
  } catch (thrown) {
    tell(asTesseraError(thrown).code)
    throw thrown
  }
}
