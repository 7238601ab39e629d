/** @file The contender's end of a contest, for contenders of our own: runs steps as the referee asks, and says what they took. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Done, type Ready, runMessage, type Taken } from './messages.ts'

/** Does `count` steps; seconds and, where there are any, losses of each. */
export type RunSteps = (count: number) => Promise<Taken>

/**
 * Says that the contender could begin, and answers until standard input ends. Nothing else in the process may write to standard output.
 * @param memoryOf Process whose memory is told, where another one does the work (Linux).
 * @throws {ZodError} If the referee says something else than {@link runMessage}.
 */
export async function serve(
  versions: Ready['versions'],
  run: RunSteps,
  memoryOf: number = process.pid,
): Promise<void> {
  const say = (message: { ready: Ready } | Done): void => {
    process.stdout.write(`${JSON.stringify(message)}\n`)
  }
  say({ ready: { versions, pid: process.pid } })
  for await (const line of createInterface({ input: process.stdin })) {
    const { run: count } = runMessage.parse(JSON.parse(line))
    const own = memoryOf === process.pid
    // The kernel has one count a process: of another process we want the peak since its start.
    const counted = own && resetPeak()
    const taken = await run(count)
    say({
      ...taken,
      stepPeakBytes: counted ? peakBytesOf(memoryOf) : null,
      peakBytes: (own ? null : peakBytesOf(memoryOf)) ?? process.resourceUsage().maxRSS * 1024,
    })
  }
}

/** Lets the kernel count the peak anew (Linux); false where it cannot. */
function resetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
    return true
  } catch {
    return false
  }
}

function peakBytesOf(pid: number): number | null {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return kib === undefined ? null : Number(kib) * 1024
}
