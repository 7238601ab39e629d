/** @file Time as an argument: pure folders take a {@link Clock}, tests give a fake one. */

/** Milliseconds since the Unix epoch, and timers. */
export interface Clock {
  now(): number
  /** Calls `task` once after `delayMs`; the returned function takes it back. */
  schedule(task: () => void, delayMs: number): () => void
}

/** The machine's clock. Its timers do not keep a finished process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(task, delayMs) {
    const timer = setTimeout(task, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
