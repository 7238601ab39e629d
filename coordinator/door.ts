/** @file The way in for what sites ask while the coordinator is being closed: nothing new is let in, and what is inside is finished first. */
import { TesseraError } from '@tessera/shared/errors'

export interface Door {
  /** Carries out `work`. @throws {TesseraError} ERR_CONNECTION_LOST after {@link Door.close}: the site comes back and asks again. */
  enter<T>(work: () => T | Promise<T>): Promise<T>
  /** Lets nothing in any more; fulfilled when all that is inside has ended. */
  close(): Promise<void>
}

/** Builds it, open. */
export function createDoor(): Door {
  const inside = new Set<Promise<unknown>>()
  let closed = false
  return {
    async enter(work) {
      if (closed) {
        throw new TesseraError(
          'ERR_CONNECTION_LOST',
          'coordinator must be running, got one that is being stopped',
        )
      }
      const done = (async () => work())()
      inside.add(done)
      try {
        return await done
      } finally {
        inside.delete(done)
      }
    },
    async close() {
      closed = true
      await Promise.allSettled(inside)
    },
  }
}
