/** @file Longer work as one line of a terminal, rewritten in place, with the time left. */
import type { Clock } from './clock.ts'
import { readableSeconds } from './readable.ts'

const BAR_CELLS = 24
/** As often as eyes can follow. */
const REDRAW_MS = 250
/** Work that is done sooner needs no line. */
const QUIET_MS = 1000

export interface WorkLine {
  show(done: number, total: number): void
  /** Leaves the terminal clean. */
  close(): void
}

/**
 * Builds a line on a terminal's `write`.
 * @param what In the line before the bar: `reading tiles`.
 * @param amount The whole, as a person reads it.
 */
export function createWorkLine(
  what: string,
  write: (text: string) => void,
  clock: Clock,
  amount: (total: number) => string = String,
): WorkLine {
  const startMs = clock.elapsed()
  let drawnMs = startMs + QUIET_MS - REDRAW_MS
  let isDrawn = false
  return {
    show(done, total) {
      const nowMs = clock.elapsed()
      if (nowMs - drawnMs < REDRAW_MS) return
      drawnMs = nowMs
      isDrawn = true
      const left = readableSeconds((((nowMs - startMs) / 1000) * (total - done)) / done)
      write(`\r\u001b[K${what} ${bar(done / total)} of ${amount(total)}, ${left} left`)
    },
    close() {
      if (isDrawn) write('\r\u001b[K')
    },
  }
}

/** `[######------]  50 %`. */
export function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS)
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_CELLS - full)}] ${percent} %`
}
