/** @file The `tessera` program as a process of its own. It is ended with the test. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const TESSERA = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

export interface TesseraProcess {
  /** Lines on standard output so far. */
  readonly lines: string[]
  /** Resolves when it has ended well. */
  readonly done: Promise<void>
}

/** Starts `tessera ...args`. */
export function tesseraProcess(...args: string[]): TesseraProcess {
  const child = spawn(process.execPath, [TESSERA, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TESSERA_ENGINE: 'wasm', TESSERA_THREADS: '1' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  let errors = ''
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  const ended = async (): Promise<void> => {
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(`tessera ${args.join(' ')} ended with ${code}:\n${errors.slice(-2000)}`)
  }
  const done = ended()
  // Looked at by the test later than it may fail.
  done.catch(() => undefined)
  return { lines, done }
}
