/** @file How often whoever watches a study is told: a thousand sites change it ten thousand times a second, and each telling looks at all of them. */
import type { Clock } from '@tessera/shared/clock'

/** Ten times a second: as smooth as a person sees a number move. */
const TELL_EVERY_MS = 100

export interface Telling {
  /** Something has changed. */
  readonly tell: () => void
  /** Tells what has not been told yet, and nothing more. */
  readonly end: () => void
}

/** Calls `now` at once for the first change, then at most every {@link TELL_EVERY_MS}, and always after the last. */
export function createTelling(clock: Clock, now: () => void): Telling {
  /** Something has changed since the last telling. */
  let untold = false
  let ended = false
  let cancel: (() => void) | null = null
  const tell = (): void => {
    untold = false
    now()
    cancel = clock.schedule(() => {
      cancel = null
      if (untold) tell()
    }, TELL_EVERY_MS)
  }
  return {
    tell() {
      if (ended) return
      if (cancel === null) tell()
      else untold = true
    },
    end() {
      ended = true
      cancel?.()
      if (untold) now()
      untold = false
    },
  }
}
