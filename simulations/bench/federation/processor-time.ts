/** @file Processor time of other processes: unlike wall time, what else the machine does hardly changes it. */
import { readFileSync } from 'node:fs'

/** Ticks a second of /proc's clock: 100 on every Linux that Node runs on. */
const TICKS = 100

/** Seconds that these processes, and children of theirs that have ended, have computed; null where the system cannot say, or one is gone. */
export function processorSeconds(pids: readonly number[]): number | null {
  try {
    return pids.reduce((sum, pid) => sum + ticksOf(pid), 0) / TICKS
  } catch {
    return null
  }
}

function ticksOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field, a name in parentheses, may hold anything; utime, stime, cutime and cstime are fields 14 to 17.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
}
