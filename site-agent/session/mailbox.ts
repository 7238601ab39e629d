/** @file What the coordinator wants now: a student to judge, the latest offer, or the end of the study. What nobody took yet gives way to what is newer. */
import { TesseraError } from '@tessera/shared/errors'
import type { Offer, Published } from '@tessera/shared/protocol'

export type Errand =
  | { readonly kind: 'judge'; readonly record: Published }
  | { readonly kind: 'round'; readonly offer: Offer }

export interface Mailbox {
  offer(offer: Offer): void
  /** The student of this record is to be judged: before the next round is trained, which starts from it, and before the end. */
  judge(record: Published): void
  /** The study has ended: after what is to be judged, `next` gives null. */
  finish(): void
  /** The study has ended and nothing counts any more: `next` gives null. */
  cancel(): void
  /** True when `next` gives null from now on. */
  finished(): boolean
  /** Waits for an errand; null when the study has ended. @throws {TesseraError} ERR_INTERRUPTED */
  next(signal: AbortSignal): Promise<Errand | null>
}

export function createMailbox(): Mailbox {
  let latest: Offer | null = null
  let toJudge: Published | null = null
  let isFinished = false
  let wake = (): void => undefined
  const take = (): Errand | null => {
    const [record, offer] = [toJudge, latest]
    toJudge = null
    if (record !== null) return { kind: 'judge', record }
    latest = null
    return offer && { kind: 'round', offer }
  }
  return {
    offer(offer) {
      latest = offer
      wake()
    },
    judge(record) {
      toJudge = record
      wake()
    },
    finish() {
      latest = null
      isFinished = true
      wake()
    },
    cancel() {
      toJudge = null
      this.finish()
    },
    finished: () => isFinished && toJudge === null,
    async next(signal) {
      for (;;) {
        if (signal.aborted) {
          throw new TesseraError('ERR_INTERRUPTED', 'agent must run until the study ends, got a stop')
        }
        const errand = take()
        if (errand !== null) return errand
        if (isFinished) return null
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
