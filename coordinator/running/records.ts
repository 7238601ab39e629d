/**
 * @file The records of a study's published rounds. A site that was away may ask for any of them: they are read from the store, and memory holds no
 * more than where each one lies.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { StoredEvent } from '../events.ts'
import type { Store } from '../store/index.ts'

export interface Records {
  /** The next round is published, by the event of this number. */
  add(number: number): void
  /** Gives a round's record. @throws {TesseraError} ERR_ROUND_WRONG if it is not published; what {@link Store.read} throws. */
  find(round: number): Promise<string>
}

/** @param numbers Of the events that published the rounds so far, in their order. */
export function createRecords(study: string, { read }: Pick<Store, 'read'>, numbers: number[]): Records {
  return {
    add: (number) => void numbers.push(number),
    async find(round) {
      const number = numbers[round - 1]
      const event = number === undefined ? undefined : await read(number)
      if (event?.type === 'round.published') return event.record
      throw new TesseraError('ERR_ROUND_WRONG', `round of study ${study} must be published, got ${round}`)
    },
  }
}

/** Finds the numbers of the events that published a study's rounds. @param events All of the store, from the first. */
export function recordNumbers(study: string, events: readonly StoredEvent[]): number[] {
  return events.flatMap((event, i) =>
    event.type === 'round.published' && event.study === study ? [i + 1] : [],
  )
}
