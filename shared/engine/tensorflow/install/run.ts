/** @file Runs other programs (pip, npm, the compiler) so that a stop ends them with all they started. */
import { spawn } from 'node:child_process'
import { TesseraError } from '../../../errors.ts'

export interface CommandResult {
  /** Null when a signal ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Called with what comes on standard output, as it comes. */
  readonly onOutput?: (text: string) => void
}

/** Runs a program to its end; null when there is no such program. */
export type Run = (
  command: string,
  args: readonly string[],
  options?: RunOptions,
) => Promise<CommandResult | null>

/** Enough for the first errors of a compiler; what comes after is dropped. */
const MAX_OUTPUT = 200_000

/**
 * A {@link Run} of real processes.
 * @param signal Ends what runs, and every later run, with ERR_INTERRUPTED.
 */
export function createRun(signal: AbortSignal): Run {
  return (command, args, options = {}) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(interrupted())
      const child = spawn(command, [...args], {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own: a compiler starts others, and ending only the first would leave them behind.
        detached: true,
      })
      const texts = { stdout: '', stderr: '' }
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          if (texts[stream].length < MAX_OUTPUT) texts[stream] += text
          if (stream === 'stdout') options.onOutput?.(text)
        })
      }
      const stop = (): void => {
        if (child.pid !== undefined) endGroup(child.pid)
      }
      signal.addEventListener('abort', stop, { once: true })
      child.once('error', (cause: NodeJS.ErrnoException) => {
        signal.removeEventListener('abort', stop)
        if (cause.code === 'ENOENT' || cause.code === 'EACCES') resolve(null)
        else reject(cause)
      })
      child.once('close', (status) => {
        signal.removeEventListener('abort', stop)
        if (signal.aborted) reject(interrupted())
        else resolve({ status, ...texts })
      })
    })
}

/** The failure of everything that a stop cuts short. */
export function interrupted(): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'installation must run to its end, got a stop')
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (cause) {
    // Gone already.
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause
  }
}
