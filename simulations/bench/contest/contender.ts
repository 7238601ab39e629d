/** @file A contender's process: started, asked for steps, ended. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { z } from 'zod'
import { type Done, doneMessage, type Ready, readyMessage } from './messages.ts'

/** How a contender is started. */
export interface ContenderSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Contender {
  readonly name: string
  /** What it said of itself when it was ready. */
  readonly versions: Ready['versions']
  /** Does so many steps. @throws {TesseraError} As {@link startContender}. */
  run(steps: number): Promise<Done>
  /** Ends the process; one that does not end with its input is asked to, and then killed. */
  stop(): Promise<void>
}

/** From the end of its input until a process is asked to end, and from there until it is killed: an engine frees its memory, a federation ends its processes. */
const GRACE_MS = { input: 3000, asked: 6000 }
/** Of what it wrote on standard error, kept to say why it failed. */
const MAX_COMPLAINT = 2000

/**
 * Starts a contender and waits until it could begin.
 * @param limitMs It must be ready, and answer each run, within this time.
 * @throws {TesseraError} ERR_BENCH_PEER if it ends, is silent for too long, or says something else; ERR_INTERRUPTED if `signal` says stop.
 */
export async function startContender(
  { name, command, args, env }: ContenderSpec,
  limitMs: number,
  signal?: AbortSignal,
): Promise<Contender> {
  if (signal?.aborted) throw interrupted()
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-MAX_COMPLAINT)
  })
  // A broken pipe shows as the end of its output, which says more.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (status, killer) => resolve(killer ?? `status ${status}`))
  })

  const failed = (got: string): TesseraError => {
    const why = complaint.trim() === '' ? '' : `\n${complaint.trim()}`
    return new TesseraError('ERR_BENCH_PEER', `contender ${name} must answer, got ${got}${why}`)
  }
  const answer = async <T>(schema: z.ZodType<T>): Promise<T> => {
    const line = await within(lines.next(), limitMs, signal, () =>
      failed(`nothing for ${limitMs / 1000} seconds`),
    )
    if (line.done === true) throw failed(await ended)
    const message = schema.safeParse(parseJson(line.value))
    if (!message.success) throw failed(line.value.slice(0, 200))
    return message.data
  }
  const stop = async (): Promise<void> => {
    child.stdin.end()
    const ask = setTimeout(() => child.kill('SIGTERM'), GRACE_MS.input)
    const kill = setTimeout(() => child.kill('SIGKILL'), GRACE_MS.input + GRACE_MS.asked)
    await ended
    clearTimeout(ask)
    clearTimeout(kill)
  }
  try {
    const { ready } = await answer(readyMessage)
    return {
      name,
      versions: ready.versions,
      async run(steps) {
        child.stdin.write(`${JSON.stringify({ run: steps })}\n`)
        const done = await answer(doneMessage)
        if (done.seconds.length === steps) return done
        throw failed(`${done.seconds.length} steps instead of ${steps}`)
      },
      stop,
    }
  } catch (thrown) {
    // Not killed at once: a contender may have processes of its own to end.
    child.kill('SIGTERM')
    await stop()
    throw asTesseraError(thrown)
  }
}

/** Waits for `work`, but no longer than `limitMs` and not beyond a stop. */
async function within<T>(
  work: Promise<T>,
  limitMs: number,
  signal: AbortSignal | undefined,
  late: () => Error,
): Promise<T> {
  let end: () => void = () => undefined
  const stopped = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(late()), limitMs)
    const onAbort = (): void => reject(interrupted())
    signal?.addEventListener('abort', onAbort, { once: true })
    end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  })
  try {
    return await Promise.race([work, stopped])
  } finally {
    end()
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const interrupted = (): TesseraError =>
  new TesseraError('ERR_INTERRUPTED', 'contest must go on to its end, got a stop')
