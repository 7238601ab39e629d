/**
 * @file How many frames a connection may send: a bucket that holds {@link BURST_FRAMES} and gains {@link FRAMES_PER_SECOND}. A chunk takes as much
 * of it as an event of ten bytes: what is counted is the work that a frame makes, its bytes are bounded by themselves.
 */
import type { Clock } from '../clock.ts'
import { TesseraError } from '../errors.ts'
import { BURST_FRAMES, FRAMES_PER_SECOND } from './limits.ts'

/** Takes one frame's place. @throws {TesseraError} ERR_RATE_LIMIT */
export type FrameBudget = () => void

/** Builds the budget of one connection. */
export function createFrameBudget(clock: Clock): FrameBudget {
  let free = BURST_FRAMES
  let filledMs = clock.elapsed()
  return () => {
    const nowMs = clock.elapsed()
    free = Math.min(BURST_FRAMES, free + ((nowMs - filledMs) / 1000) * FRAMES_PER_SECOND)
    filledMs = nowMs
    if (free < 1) {
      throw new TesseraError(
        'ERR_RATE_LIMIT',
        `connection must send at most ${BURST_FRAMES} frames at once and ${FRAMES_PER_SECOND} a second after that, got more`,
      )
    }
    free--
  }
}
