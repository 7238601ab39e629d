/** @file What the coordinator wants now: the latest offer, or the end of the study. An offer that nobody took yet gives way to a newer one. */
import { TesseraError } from '@tessera/shared/errors'
import type { Offer } from '@tessera/shared/protocol'

export interface Mailbox {
  offer(offer: Offer): void
  /** The study has ended: `next` gives null from now on. */
  finish(): void
  finished(): boolean
  /** Waits for an offer; null when the study has ended. @throws {TesseraError} ERR_INTERRUPTED */
  next(signal: AbortSignal): Promise<Offer | null>
}

export function createMailbox(): Mailbox {
  let latest: Offer | null = null
  let isFinished = false
  let wake = (): void => undefined
  return {
    offer(offer) {
      latest = offer
      wake()
    },
    finish() {
      isFinished = true
      wake()
    },
    finished: () => isFinished,
    async next(signal) {
      for (;;) {
        if (signal.aborted) {
          throw new TesseraError('ERR_INTERRUPTED', 'agent must run until the study ends, got a stop')
        }
        if (isFinished) return null
        const offer = latest
        latest = null
        if (offer !== null) return offer
        await new Promise<void>((resolve) => {
          wake = () => {
            signal.removeEventListener('abort', wake)
            resolve()
          }
          signal.addEventListener('abort', wake, { once: true })
        })
      }
    },
  }
}
