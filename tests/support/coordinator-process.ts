/** @file A coordinator as a process of its own. It is ended with the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const TESSERA = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

export interface Running {
  readonly child: ChildProcess
  readonly url: string
  readonly publicKey: string
  /** Lines on standard output after the first. */
  readonly lines: string[]
}

/** Starts `tessera coordinator start` as a process of its own and waits for its ready line. */
export async function startProcess(dir: string, ...flags: string[]): Promise<Running> {
  const args = [TESSERA, 'coordinator', 'start', '--dir', dir, '--port', '0', '--ready-json', ...flags]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('"ready"')) resolve(line)
      else lines.push(line)
    })
    child.once('exit', (code) => reject(new Error(`coordinator ended with ${code} before it was ready`)))
  })
  const { url, publicKey } = JSON.parse(await ready) as { url: string; publicKey: string }
  return { child, url, publicKey, lines }
}
