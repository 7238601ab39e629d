/** @file Progress at a rate that people can read and a coordinator of thousands of sites can bear. */
import type { Clock } from '@tessera/shared/clock'
import type { AgentEvent } from './events.ts'

/** At most two a second. */
const INTERVAL_MS = 500

/** Passes on at most one event of a kind in half a second; the last step of a round and the last byte of a model always pass. */
export function throttled(clock: Clock, pass: (event: AgentEvent) => void): (event: AgentEvent) => void {
  const lastMs = new Map<AgentEvent['kind'], number>()
  return (event) => {
    // Not the date: set back by a day it would silence a site for a day, and a silent site is given up.
    const [last, nowMs] = [lastMs.get(event.kind), clock.elapsed()]
    if (last !== undefined && nowMs - last < INTERVAL_MS && !isLast(event)) return
    lastMs.set(event.kind, nowMs)
    pass(event)
  }
}

function isLast(event: AgentEvent): boolean {
  if (event.kind === 'training') return event.step === event.steps
  return !('totalBytes' in event) || event.bytes === event.totalBytes
}
