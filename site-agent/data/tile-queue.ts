/**
 * @file Works jobs off, one after another, tile by tile. Several queues may hold the same job: each takes the next tile that nobody has taken
 * yet, and the one that finishes the last tile reports.
 */
import { type ErrorCode, TesseraError } from '@tessera/shared/errors'
import { doTile, type TileJob, tilesOf } from './tile-job.ts'

/** What went wrong, in a form that threads can exchange. The message holds no path; `cause` is for this machine only. */
export interface JobFailure {
  readonly code: ErrorCode
  readonly message: string
  readonly cause?: unknown
}

export interface TileQueueOptions {
  /** Tiles in work at the same time: decoding by sharp leaves this thread free. */
  readonly lanes: number
  /** Called between two tiles. */
  readonly pause?: () => Promise<unknown>
  /** Called once a job, by whichever queue ends it: null when all tiles are done. */
  readonly report: (id: number, failure: JobFailure | null) => void
}

export interface TileQueue {
  push(id: number, job: TileJob): void
}

/** Builds a queue. */
export function createTileQueue({ lanes, pause, report }: TileQueueOptions): TileQueue {
  const waiting: { id: number; job: TileJob }[] = []
  let running = 0

  async function work(): Promise<void> {
    for (let head = waiting[0]; head !== undefined; head = waiting[0]) {
      const { id, job } = head
      const i = takeTile(job)
      if (i === null) {
        if (waiting[0] === head) waiting.shift()
        continue
      }
      try {
        await doTile(job, i)
        if (finishTile(job)) report(id, null)
      } catch (thrown) {
        if (stopJob(job)) report(id, failureOf(thrown))
      }
      await pause?.()
    }
    running--
  }

  return {
    push(id, job) {
      waiting.push({ id, job })
      // Counted down from here: a lane that finds nothing to do ends at once.
      for (let missing = lanes - running; missing > 0; missing--) {
        running++
        void work()
      }
    },
  }
}

const TAKEN = 0
const FINISHED = 1
/** As a count of tiles taken: no more are given. Room above it for every thread that still asks. */
const STOPPED = 2 ** 30

/** Memory for a job's progress. */
export function createProgress(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8))
}

/** Ends a job: tiles in work are finished, no other is begun. False when it had been ended before. */
export function stopJob({ progress }: TileJob): boolean {
  return Atomics.exchange(progress, TAKEN, STOPPED) < STOPPED
}

function takeTile(job: TileJob): number | null {
  // A stopped count must not grow with every look at it.
  if (Atomics.load(job.progress, TAKEN) >= tilesOf(job)) return null
  const i = Atomics.add(job.progress, TAKEN, 1)
  return i < tilesOf(job) ? i : null
}

function finishTile(job: TileJob): boolean {
  return Atomics.add(job.progress, FINISHED, 1) + 1 === tilesOf(job)
}

function failureOf(thrown: unknown): JobFailure {
  if (thrown instanceof TesseraError) {
    return { code: thrown.code, message: thrown.message, cause: thrown.cause }
  }
  // Its own text may hold a path of the site's data: it stays in `cause`.
  const message = 'internal: tile must be prepared without errors, got an unexpected one'
  return { code: 'ERR_INTERNAL', message, cause: thrown }
}
