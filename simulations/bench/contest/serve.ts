/** @file The contender's end of a contest, for contenders of our own: runs steps as the referee asks, and says what they took. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Done, type Ready, runMessage, type Taken } from './messages.ts'

/** Does `count` steps; seconds and, where there are any, losses of each. */
export type RunSteps = (count: number) => Promise<Taken>

/**
 * Says that the contender could begin, and answers until standard input ends. Nothing else in the process may write to standard output.
 * @throws {ZodError} If the referee says something else than {@link runMessage}.
 */
export async function serve(versions: Ready['versions'], run: RunSteps): Promise<void> {
  const say = (message: { ready: Ready } | Done): void => {
    process.stdout.write(`${JSON.stringify(message)}\n`)
  }
  say({ ready: { versions, pid: process.pid } })
  for await (const line of createInterface({ input: process.stdin })) {
    const { run: count } = runMessage.parse(JSON.parse(line))
    const counted = resetPeak()
    const taken = await run(count)
    say({
      ...taken,
      stepPeakBytes: counted ? peakBytes() : null,
      peakBytes: process.resourceUsage().maxRSS * 1024,
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

function peakBytes(): number | null {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return kib === undefined ? null : Number(kib) * 1024
}
