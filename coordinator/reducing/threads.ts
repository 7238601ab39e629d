/**
 * @file The process's threads that combine blocks: started when first needed, kept, and holding the process open only while they work. A thread
 * takes the next block that nobody has, and puts its values into a ring; this side takes them out in order.
 */
import { Worker } from 'node:worker_threads'
import type { DeltaBlock } from '@tessera/shared/delta'
import { asTesseraError, type ErrorCode, TesseraError } from '@tessera/shared/errors'
import type { Reduction } from '@tessera/shared/reduction'
import { createQueue } from '../running/queue.ts'
import type { CombinedBlock } from './combine.ts'

/** What all threads are told. Plain data and shared memory. */
export interface Job {
  readonly blocks: readonly DeltaBlock[]
  readonly reduction: Reduction
  readonly descriptors: readonly number[]
}
export interface JobMessage extends Job {
  readonly control: Int32Array
  readonly ring: Float32Array
  /** Elements of a place in the ring. */
  readonly place: number
}
/** What a thread says: a block is in its place, or nothing more comes from it. */
export type ThreadMessage =
  | { readonly block: number }
  | { readonly end: true; readonly failure?: { readonly code: ErrorCode; readonly message: string } }

/** Places in the control block. */
export const CONTROL = {
  /** The next block that nobody has taken. */
  next: 0,
  /** Blocks that this side is done with: their places are free. */
  taken: 1,
} as const

/** Blocks that may wait for their turn, by thread: one is read out while the next is filled, and one more for the slower. */
const PLACES_A_THREAD = 3

const workers: Worker[] = []
/** One job at a time has all threads; others wait. */
const inTurn = createQueue()

/**
 * Combines on `threads` threads, starting those that are missing.
 * @throws {TesseraError} What a thread throws; ERR_AGGREGATION_THREAD if one ends.
 */
export async function* combineOnThreads(job: Job, threads: number): AsyncGenerator<CombinedBlock> {
  let finish = (): void => undefined
  const over = new Promise<void>((resolve) => {
    finish = resolve
  })
  let queued: Promise<void> = over
  await new Promise<void>((begin) => {
    queued = inTurn(() => {
      begin()
      return over
    })
  })
  try {
    yield* run(job, threads)
  } finally {
    finish()
    await queued
  }
}

async function* run(job: Job, threads: number): AsyncGenerator<CombinedBlock> {
  const { blocks } = job
  const place = Math.max(...blocks.map(({ elements }) => elements))
  const places = PLACES_A_THREAD * threads
  const control = new Int32Array(new SharedArrayBuffer(8))
  const ring = new Float32Array(new SharedArrayBuffer(4 * place * places))
  while (workers.length < threads) startWorker()

  const ready = new Set<number>()
  let working = threads
  let failure: TesseraError | null = null
  let wake = (): void => undefined
  const stop = (): void => {
    Atomics.store(control, CONTROL.next, blocks.length)
    // Threads that wait for a place look again.
    Atomics.store(control, CONTROL.taken, blocks.length)
    Atomics.notify(control, CONTROL.taken)
  }
  for (const worker of workers.slice(0, threads)) {
    const onMessage = (message: ThreadMessage): void => {
      if ('block' in message) ready.add(message.block)
      else leave(message.failure ? new TesseraError(message.failure.code, message.failure.message) : null)
      wake()
    }
    const onLoss = (cause: unknown): void => {
      // What it said may name a path: it stays in the cause.
      const message = 'thread that combines deltas must run until its work is done, got its end'
      leave(new TesseraError('ERR_AGGREGATION_THREAD', message, { cause }))
      wake()
    }
    const leave = (error: TesseraError | null): void => {
      working--
      failure ??= error
      if (error !== null) stop()
      worker.off('message', onMessage).off('error', onLoss).off('exit', onLoss).unref()
    }
    worker.on('message', onMessage).on('error', onLoss).on('exit', onLoss).ref()
    worker.postMessage({ ...job, control, ring, place } satisfies JobMessage, [])
  }
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  try {
    for (const [i, block] of blocks.entries()) {
      await until(() => ready.has(i) || failure !== null)
      if (failure !== null) throw asTesseraError(failure)
      const from = place * (i % places)
      yield { block, values: ring.subarray(from, from + block.elements) }
      ready.delete(i)
      Atomics.store(control, CONTROL.taken, i + 1)
      Atomics.notify(control, CONTROL.taken)
    }
  } finally {
    stop()
    // The files are closed after this: no thread may read from a descriptor that another file has by then.
    await until(() => working === 0)
  }
}

function startWorker(): void {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), {
    name: 'tessera-reducing',
    // Not the parent's: a loader named there would run twice.
    execArgv: [],
  })
  worker.unref()
  worker.on('exit', () => {
    const i = workers.indexOf(worker)
    if (i >= 0) workers.splice(i, 1)
  })
  // A fault ends the thread: whoever waits for it has a listener of its own.
  worker.on('error', () => undefined)
  workers.push(worker)
}
