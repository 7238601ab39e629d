/** @file What a process writes while it runs, and how it ends: for tests that start one and look at it. */
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

export interface WatchedProcess {
  /** Lines on standard output so far. */
  readonly lines: string[]
  /** Standard error so far. */
  readonly errors: () => string
  /** Resolves when it has ended well. */
  readonly done: Promise<void>
}

/** Watches it. @param name As the rejection of `done` names it. */
export function watchProcess(
  child: ChildProcessByStdio<null, Readable, Readable>,
  name: string,
): WatchedProcess {
  const lines: string[] = []
  let errors = ''
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  const ended = async (): Promise<void> => {
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`${name} ended with ${code}:\n${errors.slice(-3000)}`)
  }
  const done = ended()
  // Looked at by the test later than it may fail.
  done.catch(() => undefined)
  return { lines, errors: () => errors, done }
}
