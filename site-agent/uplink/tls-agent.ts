/** @file TLS as a transport wants it: whom to believe, what to show, and nothing below 1.2. */
import { readFileSync } from 'node:fs'
import { Agent as HttpsAgent, type RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { TesseraError } from '@tessera/shared/errors'
import { spkiPin } from '@tessera/shared/security'
import type { Transport } from './transport.ts'

/** @throws {TesseraError} ERR_CONFIG_INVALID if a file cannot be read. */
export function tlsOptions(settings: Transport): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    ...(settings.ca && { ca: read('authority', settings.ca) }),
    ...(settings.cert && { cert: read('certificate', settings.cert) }),
    ...(settings.key && { key: read('key', settings.key) }),
  }
}

/**
 * Believes a certificate by the pin of its key, and by nothing else: no authority, no name and no date is asked. Nothing is sent before
 * that is certain.
 */
export class PinnedAgent extends HttpsAgent {
  readonly #pin: string

  constructor(options: ConnectionOptions, pin: string) {
    super({ ...options, maxCachedSessions: 0 })
    this.#pin = pin
  }

  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    // An agent adds host, port and its own options, but its type does not say so.
    const socket = connectPinned(options as ConnectionOptions, this.#pin, (error) => done?.(error, socket))
  }
}

/** Starts TLS; `done` hears once whether the other end holds the pinned key. */
export function connectPinned(
  options: ConnectionOptions,
  pin: string,
  done: (error: Error | null) => void,
): TLSSocket {
  const socket = connect({ ...options, rejectUnauthorized: false })
  socket.once('error', done)
  socket.once('secureConnect', () => {
    socket.off('error', done)
    const { raw } = socket.getPeerCertificate()
    if (raw !== undefined && spkiPin(raw) === pin) return done(null)
    socket.destroy()
    const message = 'certificate of the coordinator must hold the pinned key, got another'
    done(new TesseraError('ERR_TLS_PIN', message))
  })
  return socket
}

function read(role: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new TesseraError('ERR_CONFIG_INVALID', `TLS ${role} must be a file that can be read, got ${code}`, {
      cause,
    })
  }
}
