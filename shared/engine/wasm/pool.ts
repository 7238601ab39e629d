/**
 * @file The threads that run our kernels: this one, and workers that sleep until a kernel has been cut into tasks.
 *
 * Which task writes what is set by the shapes alone, so the bits are the same for any number of threads. A job is offered in
 * shared memory: kernel, arguments, number of tasks, and a counter from which each thread takes the next task. It is read only
 * between two numbers: a worker counts itself in before it looks whether the gate is open, and this thread writes the next job
 * only when it has closed the gate and nobody is left inside. So a worker that wakes late finds either the whole job or none.
 */
import { Worker } from 'node:worker_threads'
import { TesseraError } from '../../errors.ts'
import type { Part, PartedKernels, WholeKernels } from './kernels.ts'
import { type Memory, type Module, webAssembly } from './web-assembly.ts'

/** Runs all tasks of a kernel, on all threads, and returns when the last one is done. */
export type Run = <Name extends keyof PartedKernels>(
  name: Name,
  tasks: number,
  ...args: Parameters<PartedKernels[Name]>
) => void

export interface Pool {
  /** Threads that work, this one included. */
  readonly threads: number
  readonly kernels: WholeKernels
  /** @throws {TesseraError} ERR_ENGINE_THREAD if a thread has ended or fails. */
  readonly run: Run
  /** The threads besides this one. */
  readonly workers: readonly Worker[]
  /** Ends the workers. */
  close(): Promise<void>
}

/** Places in the control block: one cache line each, so that a thread that watches one does not slow a write to another. */
export const PLACES = {
  /** Odd while a job is open; moved on when one is opened and when it is closed. */
  gate: 0,
  /** The next task that nobody has taken. */
  next: 16,
  /** Workers inside the job. */
  inside: 32,
  /** Number of the job's kernel, of its tasks, of its arguments. */
  kernel: 48,
  tasks: 49,
  count: 50,
  /** 1 once a kernel has failed in a worker. */
  failed: 64,
  /** 1 when the workers are to end. */
  ending: 80,
} as const
const CONTROL_WORDS = 96
/** More than the longest list of arguments. */
const MAX_ARGUMENTS = 32
/** A worker's part takes milliseconds. One that says nothing for so long is gone, or the machine stands still. */
const SILENCE_MS = 60_000
/** Looks at the last workers before this thread sleeps too: about 20 µs, less than a wake-up takes. */
const GLANCES = 400

/** @param threads 1 or more: `threads` - 1 workers are started, which do not keep the process alive. */
export function startPool(module: Module, memory: Memory, threads: number): Pool {
  const { exports } = new webAssembly.Instance(module, { env: { memory } })
  const parts = exports as Record<string, Part>
  const names = Object.keys(exports)
  const control = new Int32Array(new SharedArrayBuffer(4 * CONTROL_WORDS))
  const args = new Float64Array(new SharedArrayBuffer(8 * MAX_ARGUMENTS))
  let fault: TesseraError | null = null
  let closing = false

  const workers = Array.from({ length: threads - 1 }, (_, i) => {
    const worker = new Worker(new URL('worker.mjs', import.meta.url), {
      workerData: { control, args, places: PLACES, names, module, memory, lane: i + 1 },
      // Loaders of this process are not for a file that is plain JavaScript.
      execArgv: [],
      env: {},
      name: `tessera-kernels-${i + 1}`,
    })
    worker.unref()
    worker.on('error', (cause) => {
      // Its message may name a path: it stays in the cause.
      fault ??= threadError('got a fault of one', cause)
    })
    worker.on('exit', () => {
      if (!closing) fault ??= threadError('got the end of one')
    })
    return worker
  })

  /** Waits until no worker is inside the job any more. */
  function awaitWorkers(): void {
    for (let glance = 0; glance < GLANCES; glance++) {
      if (Atomics.load(control, PLACES.inside) === 0) return
    }
    for (;;) {
      const inside = Atomics.load(control, PLACES.inside)
      if (inside === 0) return
      if (Atomics.wait(control, PLACES.inside, inside, SILENCE_MS) === 'timed-out') {
        fault ??= threadError(`got nothing from ${inside} for ${SILENCE_MS / 1000} s`)
        throw fault
      }
    }
  }

  function runShared(name: string, part: Part, tasks: number, values: number[]): void {
    args.set(values)
    control[PLACES.kernel] = names.indexOf(name)
    control[PLACES.tasks] = tasks
    control[PLACES.count] = values.length
    Atomics.store(control, PLACES.next, 0)
    Atomics.add(control, PLACES.gate, 1)
    Atomics.notify(control, PLACES.gate, tasks - 1)
    try {
      for (;;) {
        const task = Atomics.add(control, PLACES.next, 1)
        if (task >= tasks) break
        part(task, 0, ...values)
      }
    } finally {
      Atomics.store(control, PLACES.next, tasks)
      Atomics.add(control, PLACES.gate, 1)
      awaitWorkers()
    }
    if (Atomics.load(control, PLACES.failed) === 1) {
      fault ??= threadError(`got a failure of ${name}`)
      throw fault
    }
  }

  return {
    threads,
    workers,
    kernels: exports as unknown as WholeKernels,
    run(name, tasks, ...values) {
      if (fault !== null) throw fault
      const part = parts[name] as Part
      if (tasks > 1 && workers.length > 0) runShared(name, part, tasks, values)
      else for (let task = 0; task < tasks; task++) part(task, 0, ...values)
    },
    async close() {
      closing = true
      Atomics.store(control, PLACES.ending, 1)
      Atomics.add(control, PLACES.gate, 2)
      Atomics.notify(control, PLACES.gate)
      await Promise.all(workers.map((worker) => ended(worker)))
    },
  }
}

function ended(worker: Worker): Promise<void> {
  // A thread id of -1 is that of a worker that has ended already.
  if (worker.threadId === -1) return Promise.resolve()
  worker.ref()
  return new Promise((resolve) => void worker.once('exit', () => resolve()))
}

function threadError(got: string, cause?: unknown): TesseraError {
  const message = `threads of the engine must live as long as the process, ${got}`
  return new TesseraError('ERR_ENGINE_THREAD', message, { cause })
}
