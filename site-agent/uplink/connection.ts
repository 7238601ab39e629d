/**
 * @file A site's connection to its coordinator: dials, joins, and dials again with growing delays until it is closed or refused for good.
 *
 * The state of the socket is never the truth about a round. After each join the coordinator says anew what it wants, and the site goes on from
 * what it has.
 */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, ERROR_CODES, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { printable } from '@tessera/shared/printable'
import {
  call,
  coordinatorMessages,
  onBadFrame,
  PROGRESS_TIMEOUT_MS,
  PROTOCOL_VERSION,
  type ReplyBody,
  type Request,
  type SiteMessage,
  serve,
  siteMessages,
} from '@tessera/shared/protocol'
import type { Random } from '@tessera/shared/random'
import { backoffMs } from './backoff.ts'
import type { Dial, DialledSocket, UplinkParser } from './socket.ts'

/** Sends one message and gives the reply's fields. `signal` ends the wait with ERR_INTERRUPTED. */
export type Ask = <E extends SiteMessage>(
  event: E,
  request: Request<typeof siteMessages, E>,
  signal?: AbortSignal,
) => Promise<ReplyBody<typeof siteMessages, E>>

export interface ConnectionOptions {
  readonly url: string
  /** With the gate as its encoder. */
  readonly parser: UplinkParser
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Answers the challenge of a fresh connection. Throws a code that cannot be retried: the connection ends for good. */
  readonly join: (nonce: string, ask: Ask) => Promise<void>
  /** Told each time when the coordinator was not reached, or the session was lost. */
  readonly onUnreached?: (reason: TesseraError) => void
  /** Checks an offer; what it throws is the answer. */
  readonly onOffer: (offer: string) => Promise<void>
  /** Checks where the study stands now; what it throws is the answer. */
  readonly onSnapshot: (welcome: string) => Promise<void>
  /** Checks a published record; what it throws is the answer. */
  readonly onPublished: (record: string) => Promise<void>
}

export interface Connection {
  /** @throws {TesseraError} ERR_CONNECTION_LOST at once when not joined; see `call`. */
  readonly ask: Ask
  /** Resolves when joined. @throws {TesseraError} ERR_INTERRUPTED, or the code that ended the connection. */
  readonly joined: (signal?: AbortSignal) => Promise<void>
  /**
   * Waits before what failed is asked again over a connection that holds, as long as between two dials after so many failures.
   * @throws {TesseraError} ERR_INTERRUPTED
   */
  readonly pause: (reason: TesseraError, failures: number, signal: AbortSignal) => Promise<void>
  /** Rejects when the connection has ended for good; never resolves. */
  readonly ended: Promise<never>
  readonly close: () => void
}

/** Of what a peer gives as its reason: it is one line of a log. */
const MAX_REASON_CHARACTERS = 300
/** From Socket.IO's connect to the coordinator's challenge, its first message. */
const CHALLENGE_TIMEOUT_MS = 20_000

/** Codes that say nothing against the site, though the same message would be refused again: a new connection is the cure. */
const CURED_BY_REJOINING: ReadonlySet<string> = new Set([
  'ERR_NOT_JOINED',
  'ERR_FRAME_MALFORMED',
  'ERR_FRAME_TOO_LARGE',
])

/** Starts to connect. */
export function openConnection(options: ConnectionOptions): Connection {
  const { url, parser, clock, random, log } = options
  let socket: DialledSocket | null = null
  let isJoined = false
  let failures = 0
  /** Why it had to wait, since the last join. */
  const said = new Set<string>()
  let end: TesseraError | null = null
  let cancelTimer = (): void => undefined
  const waiting = new Set<{ resolve(): void; reject(error: TesseraError): void }>()
  let rejectEnded: (error: TesseraError) => void = () => undefined
  const ended = new Promise<never>((_, reject) => {
    rejectEnded = reject
  })
  // Whoever does not wait for it must not be ended by it.
  ended.catch(() => undefined)

  const hangUp = (): void => {
    cancelTimer()
    isJoined = false
    const last = socket
    // Before the socket says that it is gone: whoever waits for a reply on it has to hear that, this file does not.
    socket = null
    last?.disconnect()
  }
  const finish = (error: TesseraError): void => {
    if (end !== null) return
    end = error
    hangUp()
    for (const waiter of waiting) waiter.reject(error)
    waiting.clear()
    rejectEnded(error)
  }
  const retry = (reason: TesseraError): void => {
    if (end !== null) return
    if (!ERROR_CODES[reason.code].retry && !CURED_BY_REJOINING.has(reason.code)) return finish(reason)
    hangUp()
    options.onUnreached?.(reason)
    failures++
    cancelTimer = clock.schedule(connect, delayAfter(reason, failures))
  }
  const delayAfter = ({ code, message }: TesseraError, failed: number): number => {
    const delayMs = backoffMs(failed, random)
    // One line a reason, however long it takes.
    if (!said.has(code)) log.warn('coordinator.waiting', { code, reason: message, delayMs })
    said.add(code)
    return delayMs
  }
  const connect = (): void => {
    const current = options.dial(url, parser)
    socket = current
    // What a socket says after it was given up is not about the connection any more.
    const whileCurrent =
      (act: (...args: unknown[]) => void) =>
      (...args: unknown[]): void => {
        if (socket === current) act(...args)
      }
    current.on(
      'connect_error',
      whileCurrent((cause) => retry(ownFault(cause) ?? unreachable(url, cause))),
    )
    current.on(
      'connect',
      whileCurrent(() => {
        cancelTimer()
        cancelTimer = clock.schedule(() => retry(noChallenge()), CHALLENGE_TIMEOUT_MS)
      }),
    )
    current.on(
      'disconnect',
      whileCurrent((cause) => retry(lost(cause))),
    )
    onBadFrame(
      current,
      whileCurrent((error) => retry(asTesseraError(error))),
    )
    serve(current, coordinatorMessages, 'session:challenge', (challenge) => {
      // Not awaited: the coordinator may want its answer before it listens to a join.
      if (socket === current)
        void greet(current, challenge).catch((thrown: unknown) => retryIf(current, thrown))
      return {}
    })
    serve(current, coordinatorMessages, 'session:refused', ({ code, message }) => {
      // The text may end up on a terminal, so it must not steer one.
      if (socket === current) retry(new TesseraError(code, printable(message, MAX_REASON_CHARACTERS)))
      return {}
    })
    serve(current, coordinatorMessages, 'session:snapshot', async ({ welcome }) => {
      await options.onSnapshot(welcome)
      return {}
    })
    serve(current, coordinatorMessages, 'round:offer', async ({ offer }) => {
      await options.onOffer(offer)
      return {}
    })
    serve(current, coordinatorMessages, 'round:published', async ({ record }) => {
      await options.onPublished(record)
      return {}
    })
  }
  const retryIf = (current: DialledSocket, thrown: unknown): void => {
    if (socket === current) retry(asTesseraError(thrown))
  }
  const greet = async (
    current: DialledSocket,
    { protocol, nonce }: { protocol: number; nonce: string },
  ): Promise<void> => {
    cancelTimer()
    if (protocol !== PROTOCOL_VERSION) {
      throw new TesseraError(
        'ERR_PROTOCOL_VERSION',
        `coordinator must speak protocol ${PROTOCOL_VERSION}, got ${protocol}`,
      )
    }
    await options.join(nonce, askOver(current))
    if (socket !== current) return
    isJoined = true
    log.info('coordinator.joined', { attempt: failures + 1 })
    failures = 0
    said.clear()
    for (const waiter of waiting) waiter.resolve()
    waiting.clear()
  }
  const askOver =
    (current: DialledSocket): Ask =>
    (event, request, signal) =>
      call(current, siteMessages, event, request, {
        timeoutMs: PROGRESS_TIMEOUT_MS,
        clock,
        ...(signal === undefined ? {} : { signal }),
      })

  connect()
  return {
    async ask(event, request, signal) {
      if (end !== null) throw end
      if (socket === null || !isJoined) {
        throw new TesseraError('ERR_CONNECTION_LOST', `${event} must be sent in a session, got no connection`)
      }
      try {
        return await askOver(socket)(event, request, signal)
      } catch (thrown) {
        const error = asTesseraError(thrown)
        // A reply that never came: the connection is of no use, whatever it says about itself.
        if (error.code === 'ERR_TIMED_OUT' || error.code === 'ERR_NOT_JOINED') retry(error)
        throw error
      }
    },
    joined(signal) {
      if (end !== null) return Promise.reject(end)
      if (isJoined) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const onAbort = (): void => waiter.reject(interrupted())
        const leave = (act: () => void): void => {
          waiting.delete(waiter)
          signal?.removeEventListener('abort', onAbort)
          act()
        }
        const waiter = {
          resolve: () => leave(resolve),
          reject: (error: TesseraError) => leave(() => reject(error)),
        }
        waiting.add(waiter)
        if (signal?.aborted) onAbort()
        else signal?.addEventListener('abort', onAbort)
      })
    },
    pause: (reason, failed, signal) =>
      new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          cancel()
          signal.removeEventListener('abort', onAbort)
          act()
        }
        const onAbort = (): void => settle(() => reject(interrupted()))
        const cancel = clock.schedule(() => settle(resolve), delayAfter(reason, failed))
        if (signal.aborted) onAbort()
        else signal.addEventListener('abort', onAbort)
      }),
    ended,
    close: () => finish(interrupted()),
  }
}

function unreachable(url: string, cause: unknown): TesseraError {
  return new TesseraError(
    'ERR_COORDINATOR_UNREACHABLE',
    `coordinator must answer at ${url}, got ${systemCode(cause)}`,
    { cause },
  )
}

/** What is inside a `connect_error`: the WebSocket hides it in an event, long polling in its request's status text. */
function causesOf(cause: unknown): unknown[] {
  const { description, context } = Object(cause) as { description?: unknown; context?: unknown }
  const { error } = Object(description) as { error?: unknown }
  const { statusText } = Object(context) as { statusText?: unknown }
  return [cause, error, description, statusText]
}

/** What this site itself has found wrong with the coordinator while connecting, as its certificate's key. */
function ownFault(cause: unknown): TesseraError | undefined {
  return causesOf(cause).find((inner) => inner instanceof TesseraError)
}

/** `ECONNREFUSED` and the like. */
function systemCode(cause: unknown): string {
  for (const inner of causesOf(cause)) {
    const { code } = Object(inner) as { code?: unknown }
    if (typeof code === 'string') return code
  }
  const { description } = Object(cause) as { description?: unknown }
  if (typeof description === 'number' && description > 0) return `HTTP status ${description}`
  return cause instanceof Error ? printable(cause.message, MAX_REASON_CHARACTERS) : 'no connection'
}

function lost(cause: unknown): TesseraError {
  return new TesseraError(
    'ERR_CONNECTION_LOST',
    `connection must stay open, got ${typeof cause === 'string' ? cause : 'closed'}`,
  )
}

function noChallenge(): TesseraError {
  return new TesseraError(
    'ERR_TIMED_OUT',
    `coordinator must send its challenge within ${CHALLENGE_TIMEOUT_MS} ms, got none`,
  )
}

function interrupted(): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'session must last until the study ends, got a stop')
}
