/** @file A worker thread: takes jobs from the main thread and works on them beside its siblings. */
import { parentPort } from 'node:worker_threads'
import type { TileJob } from './tile-job.ts'
import { createTileQueue, type JobFailure } from './tile-queue.ts'

/** Main thread -> worker. */
export interface JobMessage {
  readonly id: number
  readonly job: TileJob
}

/** Worker -> main thread: a job has ended. */
export interface EndMessage {
  readonly id: number
  readonly failure: JobFailure | null
}

const queue = createTileQueue({
  lanes: 2, // one tile in sharp, one in this thread
  report: (id, failure) => parentPort?.postMessage({ id, failure } satisfies EndMessage, []),
})
parentPort?.on('message', ({ id, job }: JobMessage) => queue.push(id, job))
