/** @file What sites may fetch, and whose deltas may come in, as the rounds stand. */
import type { Study } from '@tessera/shared/protocol'
import { isOver, type RoundsState } from '../rounds/index.ts'
import type { Records } from './records.ts'

/**
 * True for the study's teacher, its newest student, and what a site at work may have been offered; where the teacher follows the published students,
 * for all of those: a site that was away computes it from them.
 */
export function mayFetch(
  { teacher }: Study,
  state: RoundsState,
  { hasStudent }: Pick<Records, 'hasStudent'>,
  sha256: string,
): boolean {
  if (teacher?.momentum === 'global' && hasStudent(sha256)) return true
  return [teacher?.sha256, state.student, state.current?.base, ...lateBases(state)].includes(sha256)
}

/** Sites whose unfinished uploads may go on. */
export function mayUpload({ phase, current, leftOut, policy: { late } }: RoundsState): Set<string> {
  if (isOver(phase)) return new Set()
  const open = phase === 'collecting' ? current : null
  return new Set([...(open?.offers.keys() ?? []), ...(late === 'refuse' ? [] : leftOut.keys())])
}

/** Students that a site which is late may have been offered. */
function lateBases({ history, policy: { late }, round }: RoundsState): string[] {
  if (late === 'refuse') return []
  return history.filter((ended) => round - ended.round <= late.maxStaleness).map(({ base }) => base)
}
