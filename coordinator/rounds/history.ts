/** @file The whole history of a study, read off its log: what {@link RoundsState.history} keeps the latest part of. */
import type { RoundEvent } from './events.ts'
import { evolve } from './evolve.ts'
import type { JudgedStudent } from './judging.ts'
import type { Round, RoundsState } from './state.ts'

/** Gives the state after all events, and every ended attempt, oldest first; one that is closed and not published yet is among them. */
export function replayHistory(
  initial: RoundsState,
  events: Iterable<RoundEvent>,
): { state: RoundsState; ended: Round[] } {
  let state = initial
  const ended: Round[] = []
  for (const event of events) {
    const before = state.history.at(-1)
    state = evolve(state, event)
    const newest = state.history.at(-1)
    if (newest !== undefined && newest !== before) ended.push(newest)
  }
  if (state.current?.end) ended.push(state.current)
  return { state, ended }
}

/** Every judged student with what counts of what was said of it, oldest first; the one that may still be judged among them. */
export function replayJudging(initial: RoundsState, events: Iterable<RoundEvent>): JudgedStudent[] {
  let state = initial
  const judged: JudgedStudent[] = []
  for (const event of events) {
    const before = state.judging?.closed
    state = evolve(state, event)
    const newest = state.judging?.closed
    if (newest && newest !== before) judged.push(newest)
  }
  const open = state.judging?.open
  return open ? [...judged, open] : judged
}
