/** @file The audit log for people: what left, how much, when and why, with neighbouring lines of one kind drawn together, and sums by kind, day and study. */

import { readableBytes } from '@tessera/shared/readable'
import type { AuditEntry } from '../uplink/audit.ts'
import { table } from './table.ts'

interface Run {
  first: AuditEntry
  last: AuditEntry
  frames: number
  bytes: number
}

/** Frames and bytes by a name. */
interface Sums {
  add(name: string, bytes: number): void
  rows(): (string | number)[][]
}

/** Collects entries as they are read: the log itself may be longer than the memory. */
export interface AuditTable {
  add(entry: AuditEntry): void
  lines(): string[]
}

/** Builds an empty table. @param dayOf The local day of a time. */
export function auditTable(dayOf: (time: string) => string): AuditTable {
  const runs: Run[] = []
  const [kinds, days, studies] = [sums(), sums(), sums()]
  const total = { frames: 0, bytes: 0 }
  return {
    add(entry) {
      const { kind, bytes, time, study } = entry
      kinds.add(kind, bytes)
      days.add(dayOf(time), bytes)
      studies.add(study ?? 'no study', bytes)
      total.frames++
      total.bytes += bytes
      const run = runs.at(-1)
      if (run?.last.kind === kind && run.last.study === study) {
        run.last = entry
        run.frames++
        run.bytes += bytes
      } else {
        runs.push({ first: entry, last: entry, frames: 1, bytes })
      }
    },
    lines() {
      return [
        ...table([
          ['when', 'what', 'frames', 'size', 'why'],
          ...runs.map(({ first, last, frames, bytes }) => [
            first.time,
            first.kind,
            frames,
            readableBytes(bytes),
            frames === 1 ? first.why : `${first.why} … ${last.why}`,
          ]),
        ]),
        '',
        ...table([['study', 'frames', 'size'], ...studies.rows()]),
        '',
        ...table([['day', 'frames', 'size'], ...days.rows()]),
        '',
        ...table([
          ['what', 'frames', 'size'],
          ...kinds.rows(),
          ['total', total.frames, readableBytes(total.bytes)],
        ]),
      ]
    },
  }
}

function sums(): Sums {
  const totals = new Map<string, { frames: number; bytes: number }>()
  return {
    add(name, bytes) {
      const total = totals.get(name) ?? { frames: 0, bytes: 0 }
      totals.set(name, { frames: total.frames + 1, bytes: total.bytes + bytes })
    },
    rows: () => [...totals].map(([name, { frames, bytes }]) => [name, frames, readableBytes(bytes)]),
  }
}
