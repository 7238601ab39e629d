/** @file Asking again after a cut: the connection comes back by itself, the question has to be put anew. */
import { asTesseraError } from '@tessera/shared/errors'
import type { Ask, Connection } from './connection.ts'

/** Codes after which the same question makes sense in the next session. */
const CUT: ReadonlySet<string> = new Set(['ERR_CONNECTION_LOST', 'ERR_TIMED_OUT', 'ERR_NOT_JOINED'])

/** True when an answer did not come because the connection broke, not because the coordinator said no. */
export function isCut(thrown: unknown): boolean {
  return CUT.has(asTesseraError(thrown).code)
}

/**
 * Gives an `ask` that waits for the next session and asks again after each cut. Only for questions that may be asked twice.
 * @throws {TesseraError} What the coordinator says, ERR_INTERRUPTED, or the code that ended the connection.
 */
export function patientAsk({ ask, joined }: Connection, signal: AbortSignal): Ask {
  return async (event, request) => {
    for (;;) {
      await joined(signal)
      try {
        return await ask(event, request, signal)
      } catch (thrown) {
        if (!isCut(thrown)) throw thrown
      }
    }
  }
}
