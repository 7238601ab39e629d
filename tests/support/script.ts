/** @file A TypeScript text that runs as a process of its own: to be killed, to be limited, to be another one. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './temporary-folder.ts'

const ROOT = new URL('../../', import.meta.url)

export interface Script {
  readonly pid: number
  /** Lines on standard output so far. */
  readonly lines: readonly string[]
  /** Waits for one more line. Rejected with what it wrote to standard error if it ends first. */
  next(): Promise<string>
  /** SIGKILL; returns when it is gone and all its lines are there. */
  kill(): Promise<void>
}

/** Where a script imports a file of this project from, quoted. */
export function sourceUrl(path: string): string {
  return JSON.stringify(new URL(path, ROOT).href)
}

/**
 * Starts a script. It is killed when the test ends.
 * @param shell Commands of bash that come first, in the same process.
 */
export async function startScript(script: string, shell = ':'): Promise<Script> {
  const file = join(await temporaryFolder(), 'script.mts')
  await writeFile(file, script)
  const command = `${shell}; exec "$0" --import tsx "$1"`
  const child = spawn('bash', ['-c', command, process.execPath, file], {
    cwd: fileURLToPath(ROOT),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  let [errors, taken] = ['', 0]
  const readers: (() => void)[] = []
  const wake = (): void => {
    for (const reader of readers.splice(0)) reader()
  }
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk))
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    wake()
  })
  // After its exit, and after its last line.
  const closed = once(child, 'close')
  return {
    pid: child.pid ?? 0,
    lines,
    async next() {
      if (taken === lines.length) {
        await Promise.race([closed, new Promise<void>((resolve) => void readers.push(resolve))])
      }
      const line = lines[taken++]
      if (line === undefined) throw new Error(`script ended: ${errors || 'without a word'}`)
      return line
    },
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Takes back the soft limit on a process's file sizes. */
export async function raiseFileLimit(pid: number): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(pid), '--fsize=unlimited'])
}
