/** @file Bodies of requests: no longer than they may be, in no more time than they may take, and only then looked at. */
import type { Context } from 'hono'
import type { z } from 'zod'
import type { Clock } from '../clock.ts'
import { TesseraError } from '../errors.ts'
import { explain } from '../protocol/explain.ts'

/** The largest that a form of ours sends, a study of a thousand classes with long names, is half of it. */
export const MAX_JSON_BYTES: number = 256 * 1024
/** Longest pause within a body: so much takes no line between two of its packets, and who pauses longer only holds a connection. */
export const BODY_PAUSE_MS = 15_000
/** A JSON body as a whole: a quarter of a megabyte takes 20 s at 100 kbit/s. */
export const JSON_WITHIN_MS = 30_000

/**
 * Gives a body's parts as they come.
 * @throws {TesseraError} ERR_BODY_TOO_LARGE, before the first part when its length is said; ERR_TIMED_OUT when it pauses or takes too long.
 */
export async function* bodyParts(
  { req }: Context,
  clock: Clock,
  { maxBytes, withinMs = Number.POSITIVE_INFINITY }: { maxBytes: number; withinMs?: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const tooLarge = (): TesseraError =>
    new TesseraError('ERR_BODY_TOO_LARGE', `body must have at most ${maxBytes} bytes, got more`)
  if (Number(req.header('content-length') ?? 0) > maxBytes) throw tooLarge()
  const reader = req.raw.body?.getReader()
  if (reader === undefined) return
  const endsAtMs = clock.elapsed() + withinMs
  let bytes = 0
  try {
    for (;;) {
      const leftMs = Math.min(BODY_PAUSE_MS, endsAtMs - clock.elapsed())
      const { done, value } = await within(leftMs, clock, reader.read())
      if (done) return
      bytes += value.byteLength
      if (bytes > maxBytes) throw tooLarge()
      yield value
    }
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

/**
 * Gives a body that is JSON and fits `schema`.
 * @throws {TesseraError} ERR_USAGE, saying what does not fit; and as {@link bodyParts}.
 */
export async function readJson<T>(c: Context, clock: Clock, schema: z.ZodType<T>): Promise<T> {
  const parts: Uint8Array[] = []
  const limits = { maxBytes: MAX_JSON_BYTES, withinMs: JSON_WITHIN_MS }
  for await (const part of bodyParts(c, clock, limits)) parts.push(part)
  const fitted = schema.safeParse(parse(Buffer.concat(parts).toString('utf8')))
  if (fitted.success) return fitted.data
  throw new TesseraError('ERR_USAGE', `body must fit its schema, got ${explain(fitted.error)}`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TesseraError('ERR_USAGE', 'body must be JSON, got another text', { cause })
  }
}

async function within<T>(ms: number, clock: Clock, work: Promise<T>): Promise<T> {
  let cancel = (): void => undefined
  const late = new Promise<never>((_, reject) => {
    cancel = clock.schedule(
      () => reject(new TesseraError('ERR_TIMED_OUT', 'body must come without a long pause, got silence')),
      Math.max(0, ms),
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}
