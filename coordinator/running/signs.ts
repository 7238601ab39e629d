/**
 * @file Signs of progress in the open round: a training step further than the last one told, or bytes of a delta that were not there before.
 * Saying the same again is no progress. Kept in memory, one time a site: the machine logs what follows from them, and only when it matters.
 */
import type { Signs } from '../rounds/index.ts'

export interface ProgressSigns {
  /** Notes how far a site is, at a time. */
  note(site: string, kind: 'step' | 'bytes', value: number, atMs: number): void
  readonly times: Signs
  /** Another round or attempt. */
  clear(): void
}

export function createSigns(): ProgressSigns {
  const furthest = new Map<string, number>()
  const times = new Map<string, number>()
  return {
    times,
    note(site, kind, value, atMs) {
      const key = `${kind} ${site}`
      if (value <= (furthest.get(key) ?? 0)) return
      furthest.set(key, value)
      times.set(site, atMs)
    },
    clear() {
      furthest.clear()
      times.clear()
    },
  }
}
