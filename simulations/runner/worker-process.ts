/** @file A worker process from its parent's side: one task after the other, until it fails or is stopped. */
import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { TesseraError } from '@tessera/shared/errors'
import type { Task, TaskProgress, TaskResults } from './tasks.ts'
import type { WorkerMessage } from './worker.ts'

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url))

export interface Worker {
  readonly threads: number | undefined
  readonly alive: () => boolean
  /**
   * One task at a time. A worker whose task has failed ends.
   * @param failure What its end within the task is called.
   * @throws {TesseraError} What the task fails with.
   */
  work<T extends Task>(
    task: T,
    onProgress: (progress: TaskProgress) => void,
    failure: (end: string) => TesseraError,
  ): Promise<TaskResults[T['kind']]>
}

/** Takes the first that runs with these threads out of the list. */
export function takeWorker(idle: Worker[], threads: number | undefined): Worker | undefined {
  const at = idle.findIndex((worker) => worker.threads === threads && worker.alive())
  return at < 0 ? undefined : idle.splice(at, 1)[0]
}

/** @param keep Notes the process, to be stopped by its id. */
export function startWorker(
  threads: number | undefined,
  keep: (child: ChildProcess) => ChildProcess,
): Worker {
  const env = { ...process.env, ...(threads !== undefined && engineThreads(threads)) }
  const child = keep(fork(WORKER, { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] }))
  let complaint = ''
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      complaint = line
    })
  }
  return {
    threads,
    alive: () => child.connected,
    async work<T extends Task>(
      task: T,
      onProgress: (progress: TaskProgress) => void,
      failure: (end: string) => TesseraError,
    ) {
      awaited(child, true)
      const over = new AbortController()
      try {
        return await new Promise<TaskResults[T['kind']]>((resolve, reject) => {
          const heard = (message: WorkerMessage): void => {
            if ('progress' in message) onProgress(message.progress)
            else if ('result' in message) resolve(message.result as TaskResults[T['kind']])
            else reject(new TesseraError(message.failure.code, message.failure.message))
          }
          const gone = (status: number | null, signal: string | null): void =>
            reject(failure(`${signal ?? `status ${status}`}: ${complaint}`))
          child.on('message', heard).once('error', reject).once('exit', gone)
          over.signal.addEventListener('abort', () =>
            child.off('message', heard).off('error', reject).off('exit', gone),
          )
          child.send(task)
        })
      } finally {
        over.abort()
        awaited(child, false)
      }
    },
  }
}

/** A worker that waits for a task keeps nobody waiting for it. */
function awaited(child: ChildProcess, busy: boolean): void {
  const handles = [child, child.channel, child.stderr as Socket | null]
  for (const handle of handles) {
    if (busy) handle?.ref?.()
    else handle?.unref?.()
  }
}

/** How both engines are told: ours, and TensorFlow's threads within an operation and between operations. */
function engineThreads(threads: number): Record<string, string> {
  const text = String(threads)
  return { TESSERA_THREADS: text, TF_NUM_INTRAOP_THREADS: text, TF_NUM_INTEROP_THREADS: text }
}
