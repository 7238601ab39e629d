/**
 * @file The little of OTLP that spans need: HTTP with JSON bodies, as any OpenTelemetry collector takes them.
 *
 * Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp, and the names of the environment from
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/.
 */
import { TesseraError } from '@tessera/shared/errors'
import { TESSERA_VERSION } from '@tessera/shared/protocol'

/** A collector in the same network answers in milliseconds. */
const ANSWER_WITHIN_MS = 5000
const SPAN_KIND_INTERNAL = 1
const STATUS_ERROR = 2

export type Environment = Readonly<Record<string, string | undefined>>

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: typeof SPAN_KIND_INTERNAL
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly object[]
  readonly status: { readonly code?: typeof STATUS_ERROR; readonly message?: string }
}

/** @param code Why it failed; null if it did not. */
export function spanOf(
  name: string,
  ids: { readonly traceId: string; readonly spanId: string; readonly parentSpanId?: string | undefined },
  startMs: number,
  endMs: number,
  fields: Readonly<Record<string, string | number | undefined>>,
  code: string | null,
): Span {
  return {
    traceId: ids.traceId,
    spanId: ids.spanId,
    ...(ids.parentSpanId !== undefined && { parentSpanId: ids.parentSpanId }),
    name,
    kind: SPAN_KIND_INTERNAL,
    startTimeUnixNano: nano(startMs),
    endTimeUnixNano: nano(endMs),
    attributes: attributesOf(fields),
    status: code === null ? {} : { code: STATUS_ERROR, message: code },
  }
}

/** Sends spans; gives null when they are taken, else why not. */
export type Exporter = (spans: readonly Span[]) => Promise<string | null>

/** @throws {TesseraError} ERR_CONFIG_INVALID if the environment does not say where to, or how. */
export function exporterOf(environment: Environment): Exporter {
  const url = endpointOf(environment)
  const headers = { ...headersOf(environment), 'Content-Type': 'application/json' }
  const service = environment.OTEL_SERVICE_NAME || 'tessera-coordinator'
  return async (spans) => {
    try {
      const body = bodyOf(service, spans)
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
      // Where a collector points on to has not been given its key.
      const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' })
      await response.body?.cancel()
      return response.ok ? null : `status ${response.status}`
    } catch {
      return 'no answer'
    }
  }
}

function nano(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n)
}

function attributesOf(fields: Readonly<Record<string, string | number | undefined>>): object[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined) return []
    // Whole numbers are texts in OTLP's JSON.
    return [
      {
        key: `tessera.${name}`,
        value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
      },
    ]
  })
}

function bodyOf(service: string, spans: readonly Span[]): string {
  const attributes = [
    { key: 'service.name', value: { stringValue: service } },
    { key: 'service.version', value: { stringValue: TESSERA_VERSION } },
  ]
  const scope = { name: 'tessera', version: TESSERA_VERSION }
  return JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope, spans }] }] })
}

function endpointOf(environment: Environment): string {
  const traces = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  const all = environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? ''
  const text = traces || `${all.replace(/\/+$/, '')}/v1/traces`
  if (URL.canParse(text) && /^https?:/.test(text)) return text
  throw new TesseraError(
    'ERR_CONFIG_INVALID',
    'OTLP endpoint must be an address of http or https, got another text',
  )
}

/** `name=value,name=value`, values percent-encoded: for a collector that wants a key. */
function headersOf(environment: Environment): Record<string, string> {
  const text = environment.OTEL_EXPORTER_OTLP_TRACES_HEADERS || environment.OTEL_EXPORTER_OTLP_HEADERS || ''
  const headers: Record<string, string> = {}
  for (const part of text.split(',').filter((one) => one.trim() !== '')) {
    const [name = '', ...rest] = part.split('=')
    try {
      const value = decodeURIComponent(rest.join('=').trim())
      Object.assign(headers, Object.fromEntries(new Headers([[name.trim(), value]])))
    } catch (cause) {
      throw new TesseraError(
        'ERR_CONFIG_INVALID',
        'OTLP headers must be name=value pairs, got another text',
        { cause },
      )
    }
  }
  return headers
}
