/** @file Time as an argument: pure folders take a {@link Clock}, tests give a fake one. */

/** Two times, and timers. What is written down is dated by `now`; what is waited for is measured by `elapsed`. */
export interface Clock {
  /** Milliseconds since the Unix epoch. Jumps whenever somebody sets the machine's clock. */
  now(): number
  /** Milliseconds since some moment of this process. Never jumps; says nothing after a restart. */
  elapsed(): number
  /** Calls `task` once after `delayMs`; the returned function takes it back. */
  schedule(task: () => void, delayMs: number): () => void
}

/** Longest delay that a clock's timer takes, as Node's; a longer one would fire at once. */
export const MAX_DELAY_MS: number = 2 ** 31 - 1

/** The machine's clock. Its timers do not keep a finished process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  schedule(task, delayMs) {
    const timer = setTimeout(task, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
