/** @file The reading of tiles as one line of a terminal, with the time left. */
import type { Clock } from '@tessera/shared/clock'
import { bar } from './progress-line.ts'
import { readableSeconds } from './table.ts'

/** As often as eyes can follow. */
const REDRAW_MS = 250
/** Work that is done sooner needs no line. */
const QUIET_MS = 1000

export interface ReadingLine {
  show(done: number, total: number): void
  /** Leaves the terminal clean. */
  close(): void
}

/** Builds a line on a terminal's `write`. */
export function createReadingLine(write: (text: string) => void, clock: Clock): ReadingLine {
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
      write(`\r\u001b[Kreading tiles ${bar(done / total)} of ${total}, ${left} left`)
    },
    close() {
      if (isDrawn) write('\r\u001b[K')
    },
  }
}
