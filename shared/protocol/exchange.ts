/**
 * @file Question and answer over a socket, checked against a catalogue at both ends: {@link serve} answers one message, {@link call}
 * sends one and waits. A refusal travels as `{ ok: false, code, message }` and becomes a TesseraError at the caller; anything else that
 * goes wrong while answering travels as ERR_INTERNAL without its text.
 */
import { z } from 'zod'
import { type Clock, systemClock } from '../clock.ts'
import { ERROR_CODES, type ErrorCode, TesseraError } from '../errors.ts'
import { printable } from '../printable.ts'
import { explain } from './explain.ts'
import type { Catalogue, Refusal, ReplyBody, Request } from './messages.ts'

/** A Socket.IO socket of either end, however its events are typed: messages are checked against the catalogue, not by the socket's type. */
export interface WireSocket {
  readonly connected: boolean
  on(...args: never[]): unknown
  off(...args: never[]): unknown
  emit(...args: never[]): unknown
}

/** What such a socket takes in truth. */
interface OpenSocket {
  readonly connected: boolean
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
  emit(event: string, ...args: unknown[]): unknown
}

export interface ServeOptions {
  /** Told of every message that was not answered with `ok`, for the log. Must not throw. */
  readonly onRefused?: (error: TesseraError, event: string) => void
}

export interface CallOptions {
  /** Without any reply over this socket, from the send on; then ERR_TIMED_OUT. A reply to another question is progress too. */
  readonly timeoutMs: number
  readonly clock?: Clock
  /** Ends the wait with ERR_INTERRUPTED. */
  readonly signal?: AbortSignal
}

const MAX_MESSAGE_CHARACTERS = 1000
/** What waits over each socket, as the function that begins its wait anew. Gone with the socket. */
const waits = new WeakMap<object, Set<() => void>>()
const refusal = z.strictObject({
  ok: z.literal(false),
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().max(MAX_MESSAGE_CHARACTERS),
})

/**
 * Answers every `event` of the peer with what `handler` gives. The handler sees only requests that fit the catalogue; what it throws is
 * the answer. A peer that asks for no answer gets none.
 */
export function serve<C extends Catalogue, E extends keyof C & string>(
  peer: WireSocket,
  catalogue: C,
  event: E,
  handler: (request: Request<C, E>) => ReplyBody<C, E> | Promise<ReplyBody<C, E>>,
  options: ServeOptions = {},
): void {
  const answer = async (args: readonly unknown[]): Promise<object> => {
    try {
      const request = checked(catalogue, event, 'request', args.length === 1 ? args[0] : args)
      const body = await handler(request as Request<C, E>)
      return { ok: true, ...checkedReply(catalogue, event, body) }
    } catch (thrown) {
      const error = thrown instanceof TesseraError ? thrown : hidden(thrown)
      options.onRefused?.(error, event)
      return refuse(error)
    }
  }
  const socket: OpenSocket = peer
  socket.on(event, (...args) => {
    const last = args.at(-1)
    const acknowledge = typeof last === 'function' ? (args.pop() as (reply: object) => void) : undefined
    void answer(args)
      .then((reply) => acknowledge?.(reply))
      // Sending fails only for a reply that no frame can carry: the peer will time out, this process goes on.
      .catch((thrown: unknown) => options.onRefused?.(hidden(thrown), event))
  })
}

/**
 * Sends a request and gives the reply's fields.
 * @throws {TesseraError} The peer's code if it refuses; ERR_MESSAGE_INVALID if request or reply does not fit the catalogue; ERR_TIMED_OUT;
 * ERR_CONNECTION_LOST if the socket is not connected, or no longer; ERR_INTERRUPTED.
 */
export async function call<C extends Catalogue, E extends keyof C & string>(
  peer: WireSocket,
  catalogue: C,
  event: E,
  request: Request<C, E>,
  { timeoutMs, clock = systemClock, signal }: CallOptions,
): Promise<ReplyBody<C, E>> {
  const message = checked(catalogue, event, 'request', request)
  const socket: OpenSocket = peer
  const reply = await new Promise<unknown>((resolve, reject) => {
    // Without this, socket.io-client would keep the message and send it on some later connection.
    if (!socket.connected) return reject(lost(event))
    if (signal?.aborted) return reject(interrupted(event))
    const onDisconnect = (): void => settle(() => reject(lost(event)))
    const onAbort = (): void => settle(() => reject(interrupted(event)))
    let cancel = (): void => undefined
    const wait = (): void => {
      cancel()
      cancel = clock.schedule(() => settle(() => reject(timedOut(event, timeoutMs))), timeoutMs)
    }
    const all = waits.get(socket) ?? new Set()
    waits.set(socket, all.add(wait))
    const settle = (finish: () => void): void => {
      cancel()
      all.delete(wait)
      socket.off('disconnect', onDisconnect)
      signal?.removeEventListener('abort', onAbort)
      finish()
    }
    wait()
    socket.on('disconnect', onDisconnect)
    signal?.addEventListener('abort', onAbort)
    try {
      socket.emit(event, message, (answer: unknown) => {
        settle(() => resolve(answer))
        for (const again of all) again()
      })
    } catch (thrown) {
      settle(() => reject(thrown))
    }
  })
  return readReply(catalogue, event, reply)
}

function readReply<C extends Catalogue, E extends keyof C & string>(
  catalogue: C,
  event: E,
  reply: unknown,
): ReplyBody<C, E> {
  const refused = refusal.safeParse(reply)
  if (refused.success) {
    // The text is the peer's: it may end up on a terminal, so it must not steer one.
    throw new TesseraError(refused.data.code, printable(refused.data.message, MAX_MESSAGE_CHARACTERS))
  }
  if (typeof reply !== 'object' || reply === null || !('ok' in reply) || reply.ok !== true) {
    throw new TesseraError('ERR_MESSAGE_INVALID', `${event}'s reply must have ok true or false, got neither`)
  }
  const { ok: _, ...body } = reply
  return checked(catalogue, event, 'reply', body) as ReplyBody<C, E>
}

/** @throws {TesseraError} ERR_INTERNAL: a reply of ours that does not fit is our fault, not the peer's. */
function checkedReply<C extends Catalogue>(catalogue: C, event: keyof C & string, body: unknown): object {
  try {
    return checked(catalogue, event, 'reply', body) as object
  } catch (cause) {
    throw hidden(cause)
  }
}

function checked<C extends Catalogue>(
  catalogue: C,
  event: keyof C & string,
  part: 'request' | 'reply',
  value: unknown,
): unknown {
  const schema = catalogue[event]?.[part]
  const result = schema?.safeParse(value)
  if (result?.success) return result.data
  const got = result === undefined ? 'another event' : explain(result.error)
  throw new TesseraError('ERR_MESSAGE_INVALID', `${event}'s ${part} must fit its schema, got ${got}`)
}

function refuse({ code, message }: TesseraError): Refusal {
  const text = code === 'ERR_INTERNAL' ? 'internal error' : printable(message, MAX_MESSAGE_CHARACTERS)
  return { ok: false, code, message: text }
}

/** ERR_INTERNAL with the fault as its cause, for the log; its text may hold anything and never travels. */
function hidden(cause: unknown): TesseraError {
  return new TesseraError('ERR_INTERNAL', 'internal error', { cause })
}

function lost(event: string): TesseraError {
  return new TesseraError(
    'ERR_CONNECTION_LOST',
    `${event} must be answered over an open connection, got none`,
  )
}

function interrupted(event: string): TesseraError {
  return new TesseraError(
    'ERR_INTERRUPTED',
    `${event} must be answered before the program ends, got a signal`,
  )
}

function timedOut(event: string, timeoutMs: number): TesseraError {
  return new TesseraError('ERR_TIMED_OUT', `${event} must be answered within ${timeoutMs} ms, got no reply`)
}
