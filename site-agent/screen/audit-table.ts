/** @file The audit log for people: what left, how much, when and why, with neighbouring lines of one kind drawn together. */
import type { AuditEntry } from '../uplink/audit.ts'
import { readableBytes, table } from './table.ts'

interface Run {
  first: AuditEntry
  last: AuditEntry
  frames: number
  bytes: number
}

/** Collects entries as they are read: the log itself may be longer than the memory. */
export interface AuditTable {
  add(entry: AuditEntry): void
  lines(): string[]
}

/** Builds an empty table. */
export function auditTable(): AuditTable {
  const runs: Run[] = []
  const totals = new Map<string, { frames: number; bytes: number }>()
  return {
    add(entry) {
      const total = totals.get(entry.kind) ?? { frames: 0, bytes: 0 }
      totals.set(entry.kind, { frames: total.frames + 1, bytes: total.bytes + entry.bytes })
      const run = runs.at(-1)
      if (run?.last.kind === entry.kind) {
        run.last = entry
        run.frames++
        run.bytes += entry.bytes
      } else {
        runs.push({ first: entry, last: entry, frames: 1, bytes: entry.bytes })
      }
    },
    lines() {
      const sums = [...totals].map(([kind, { frames, bytes }]) => [kind, frames, readableBytes(bytes)])
      const all = [...totals.values()]
      const frames = all.reduce((sum, total) => sum + total.frames, 0)
      const bytes = all.reduce((sum, total) => sum + total.bytes, 0)
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
        ...table([['what', 'frames', 'size'], ...sums, ['total', frames, readableBytes(bytes)]]),
      ]
    },
  }
}
