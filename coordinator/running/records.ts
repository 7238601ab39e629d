/**
 * @file The records of a study's published rounds. A site that was away may ask for any of them: they are read from the store, and memory holds no
 * more than where each one lies and which student it names, a hundred bytes a round.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { StoredEvent } from '../events.ts'
import type { Store } from '../store/index.ts'

/** A round that is published. */
export interface Publication {
  /** Of the event that published it. */
  readonly number: number
  /** SHA-256. */
  readonly student: string
}

export interface Records {
  /** The next round is published. */
  add(publication: Publication): void
  /** Gives a round's record. @throws {TesseraError} ERR_ROUND_WRONG if it is not published; what {@link Store.read} throws. */
  find(round: number): Promise<string>
  /** True for a student that any round has published. */
  hasStudent(sha256: string): boolean
}

/** @param published The rounds so far, in their order. */
export function createRecords(
  study: string,
  { read }: Pick<Store, 'read'>,
  published: readonly Publication[],
): Records {
  const numbers = published.map(({ number }) => number)
  const students = new Set(published.map(({ student }) => student))
  return {
    add({ number, student }) {
      numbers.push(number)
      students.add(student)
    },
    async find(round) {
      const number = numbers[round - 1]
      const event = number === undefined ? undefined : await read(number)
      if (event?.type === 'round.published') return event.record
      throw new TesseraError('ERR_ROUND_WRONG', `round of study ${study} must be published, got ${round}`)
    },
    hasStudent: (sha256) => students.has(sha256),
  }
}

/** Finds a study's published rounds. @param events All of the store, from the first. */
export function publications(study: string, events: readonly StoredEvent[]): Publication[] {
  return events.flatMap((event, i) =>
    event.type === 'round.published' && event.study === study
      ? [{ number: i + 1, student: event.student }]
      : [],
  )
}
