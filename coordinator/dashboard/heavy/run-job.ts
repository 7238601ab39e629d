/**
 * @file Heavy jobs in a process of their own: a model of a quarter of a gigabyte is read, hashed and computed on while the coordinator goes on answering its sites, and the
 * memory goes back to the system. One at a time: the machine is there for the rounds.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type ErrorCode, TesseraError } from '@tessera/shared/errors'
import { createQueue } from '../../running/queue.ts'
import type { JobName, JobOptions, JobResult, Tell } from './jobs.ts'

export interface JobOrder {
  readonly name: JobName
  readonly options: unknown
}
export type JobMessage =
  | { readonly type: 'progress'; readonly done: number; readonly of: number }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }

export interface Jobs {
  /** Does a job when those before it are done. @throws {TesseraError} What the job throws; ERR_RATE_LIMIT when there are too many; ERR_INTERRUPTED when it is cut off. */
  run<N extends JobName>(name: N, options: JobOptions<N>, tell?: Tell): Promise<JobResult<N>>
  /** Ends what is running; what waits is not begun. */
  close(): Promise<void>
}

const ENTRY = fileURLToPath(new URL('./job.mjs', import.meta.url))

/** Builds the jobs of one coordinator. @param maxJobs That may be there at once, the one that runs among them. */
export function createJobs(maxJobs: number): Jobs {
  const inTurn = createQueue()
  let there = 0
  let running: ChildProcess | null = null
  let closed = false

  const runOne = <N extends JobName>(order: JobOrder, tell: Tell): Promise<JobResult<N>> =>
    new Promise((resolve, reject) => {
      if (closed) {
        reject(cutOff())
        return
      }
      // Not the parent's flags: a loader named there would run twice.
      const child = fork(ENTRY, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
      running = child
      child.on('message', (message: JobMessage) => {
        if (message.type === 'progress') tell(message.done, message.of)
        else if (message.type === 'done') resolve(message.result as JobResult<N>)
        else reject(new TesseraError(message.code, message.message))
      })
      // After its last word, this changes nothing any more.
      child.once('error', (cause) => reject(cutOff(cause)))
      child.once('exit', () => {
        running = null
        reject(cutOff())
      })
      child.send(order)
    })
  return {
    run(name, options, tell = () => undefined) {
      if (there >= maxJobs) {
        const message = `jobs must be at most ${maxJobs} at once, got one more`
        return Promise.reject(new TesseraError('ERR_RATE_LIMIT', message))
      }
      there++
      return inTurn(() => runOne<typeof name>({ name, options }, tell)).finally(() => {
        there--
      })
    },
    async close() {
      closed = true
      running?.kill('SIGKILL')
      await inTurn(async () => undefined)
    },
  }
}

function cutOff(cause?: unknown): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'job must run to its end, got cut off', { cause })
}
