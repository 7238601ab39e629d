/** @file The `tessera` program as a process of its own. It is ended with the test. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { type WatchedProcess, watchProcess } from './watched-process.ts'

const TESSERA = fileURLToPath(new URL('../../cli/tessera.mjs', import.meta.url))

/** Starts `tessera ...args`. */
export function tesseraProcess(...args: string[]): WatchedProcess {
  const child = spawn(process.execPath, [TESSERA, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TESSERA_ENGINE: 'wasm', TESSERA_THREADS: '1' },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return watchProcess(child, `tessera ${args.join(' ')}`)
}
