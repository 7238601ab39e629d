/** @file A clock that moves only when the test says so. */
import type { Clock } from '@tessera/shared/clock'

export interface FakeClock extends Clock {
  /** Moves on by `ms`; tasks that fall due run in order of their times, each at its own. */
  advance(ms: number): void
  /** Somebody sets the machine's clock: `now` is `ms` further, no time passes. */
  jump(ms: number): void
  /** Number of tasks that wait. */
  pending(): number
}

/** Builds a clock that stands at `startMs`. */
export function fakeClock(startMs = 1_800_000_000_000): FakeClock {
  // Time that has passed; the wall clock stands apart from it since the last jump.
  let nowMs = startMs
  let jumpedMs = 0
  const tasks = new Set<{ dueMs: number; run: () => void }>()
  return {
    now: () => nowMs + jumpedMs,
    elapsed: () => nowMs - startMs,
    schedule(run, delayMs) {
      const task = { dueMs: nowMs + delayMs, run }
      tasks.add(task)
      return () => {
        tasks.delete(task)
      }
    },
    advance(ms) {
      const endMs = nowMs + ms
      for (;;) {
        const next = [...tasks].toSorted((a, b) => a.dueMs - b.dueMs)[0]
        if (next === undefined || next.dueMs > endMs) break
        tasks.delete(next)
        nowMs = next.dueMs
        next.run()
      }
      nowMs = endMs
    },
    jump(ms) {
      jumpedMs += ms
    },
    pending: () => tasks.size,
  }
}
