/**
 * @file The process's threads that prepare tiles: shared by all tile sets, started when first needed, kept. They hold the process open only
 * while there is work.
 */
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { TesseraError } from '@tessera/shared/errors'
import type { TileJob } from './tile-job.ts'
import { createTileQueue, type JobFailure, stopJob } from './tile-queue.ts'
import type { EndMessage, JobMessage } from './worker.ts'

/** A job that has been handed out. */
export interface RunningJob {
  /** Settles when all tiles are done, or when one fails. Never after {@link cancel}. */
  readonly done: Promise<void>
  /** Stops the work. Tiles in work may still be written for a moment: their memory must not be used again. */
  cancel(): void
}

interface Waiting {
  readonly job: TileJob
  readonly resolve: () => void
  readonly reject: (error: TesseraError) => void
}

/** sharp decodes on libuv's threads, four by default: that many tiles at a time without threads of our own. */
const INLINE_LANES = 4

const running = new Map<number, Waiting>()
const workers: Worker[] = []
let lastId = 0

const inline = createTileQueue({ lanes: INLINE_LANES, pause: () => setImmediate(), report: end })

/**
 * Hands a job to the first `count` threads, starting those that are missing; 0: to the main thread, a tile at a time. The result is the same
 * for any count.
 */
export function runJob(job: TileJob, count: number): RunningJob {
  const id = ++lastId
  const done = new Promise<void>((resolve, reject) => running.set(id, { job, resolve, reject }))
  // Work that is ahead of its reader and fails must not end the process before the reader comes.
  done.catch(() => undefined)
  while (workers.length < count) startWorker()
  if (count === 0) inline.push(id, job)
  for (const worker of workers.slice(0, count)) {
    worker.postMessage({ id, job } satisfies JobMessage, [])
  }
  holdOpen()
  return {
    done,
    cancel() {
      stopJob(job)
      running.delete(id)
      holdOpen()
    },
  }
}

function startWorker(): void {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), {
    name: 'tessera-tiles',
    // Not the parent's: a loader named there would run twice.
    execArgv: [],
  })
  workers.push(worker)
  worker.on('message', ({ id, failure }: EndMessage) => end(id, failure))
  worker.on('error', (cause) => lose(worker, cause))
  worker.on('exit', (code) => lose(worker, new Error(`exit code ${code}`)))
}

/** A thread is gone, and with it the tiles it had taken: what was in work fails, what comes next gets a new thread. */
function lose(worker: Worker, cause: unknown): void {
  const i = workers.indexOf(worker)
  if (i < 0) return
  workers.splice(i, 1)
  const failure: JobFailure = {
    code: 'ERR_DATA_WORKER',
    message: 'thread that prepares tiles must run until its work is done, got its end',
    cause,
  }
  for (const [id, { job }] of running) {
    stopJob(job)
    end(id, failure)
  }
}

function end(id: number, failure: JobFailure | null): void {
  const waiting = running.get(id)
  if (waiting === undefined) return
  running.delete(id)
  holdOpen()
  if (failure === null) waiting.resolve()
  else waiting.reject(new TesseraError(failure.code, failure.message, { cause: failure.cause }))
}

function holdOpen(): void {
  for (const worker of workers) {
    if (running.size > 0) worker.ref()
    else worker.unref()
  }
}
