/**
 * @file Spans of rounds, uploads, aggregations and publications for an OpenTelemetry collector.
 *
 * An attempt of a round that was opened since the start is a trace: its spans hang below it. What cannot be sent is dropped, with a line in the log: traces
 * are for looking at, and nothing waits for them. Memory: {@link MAX_WAITING} spans.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '@tessera/shared/clock'
import type { Log } from '@tessera/shared/log'
import type { Observer } from './observer.ts'
import { type Environment, exporterOf, type Span, spanOf } from './otlp.ts'

/** Often enough to look at a round that is going on. */
const SEND_EVERY_MS = 5000
/** Two rounds of a thousand sites while the collector is away; some 2 MB. */
const MAX_WAITING = 2048

export interface Tracer {
  readonly observer: Observer
  /** Sends what waits, and nothing more. */
  stop(): Promise<void>
}

/** Starts sending. @throws {TesseraError} ERR_CONFIG_INVALID if the environment does not say where to, or how. */
export function createTracer(environment: Environment, clock: Clock, log: Log): Tracer {
  const send = exporterOf(environment)
  let waiting: Span[] = []
  let dropped = 0
  let cancel = (): void => undefined
  let stopped = false
  /** By study, the attempt that is open. */
  const rounds = new Map<string, OpenRound>()

  const keep = (span: Span): void => {
    if (waiting.length < MAX_WAITING) waiting.push(span)
    else dropped++
  }
  const flush = async (): Promise<void> => {
    const spans = waiting
    waiting = []
    const failed = spans.length === 0 ? null : await send(spans)
    const count = dropped + (failed === null ? 0 : spans.length)
    dropped = 0
    if (count > 0) log.warn('traces.dropped', { count, reason: failed ?? `more than ${MAX_WAITING} waited` })
    if (!stopped) wait()
  }
  const wait = (): void => {
    cancel = clock.schedule(() => void flush(), SEND_EVERY_MS)
  }
  wait()

  const endRound = (study: string, code: string | null): void => {
    const open = rounds.get(study)
    if (open === undefined) return
    rounds.delete(study)
    const { round, attempt, startMs, ids } = open
    keep(spanOf('round', ids, startMs, clock.now(), { study, round, attempt }, code))
  }
  return {
    observer: {
      recorded(event) {
        if (event.type === 'round.opened') {
          const { study, round, attempt, openedAtMs } = event
          rounds.set(study, { round, attempt, startMs: openedAtMs, ids: { traceId: id(16), spanId: id(8) } })
        } else if (event.type === 'round.published') endRound(event.study, null)
        else if (event.type === 'round.closed' && event.outcome === 'retry')
          endRound(event.study, 'ERR_ROUND_EMPTY')
      },
      worked({ work, study, round, site, endedAtMs, durationMs, code }) {
        // Too many, and of no length: metrics have them.
        if (work === 'append' || study === undefined) return
        const parent = rounds.get(study)?.ids
        const ids = { traceId: parent?.traceId ?? id(16), parentSpanId: parent?.spanId, spanId: id(8) }
        keep(spanOf(work, ids, endedAtMs - durationMs, endedAtMs, { study, round, site }, code))
      },
      moved() {},
      session() {},
      refused() {},
    },
    async stop() {
      stopped = true
      cancel()
      await flush()
    },
  }
}

interface OpenRound {
  readonly startMs: number
  readonly round: number
  readonly attempt: number
  readonly ids: { readonly traceId: string; readonly spanId: string }
}

function id(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
