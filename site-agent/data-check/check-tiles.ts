/** @file Looks at all tiles of a site while its agent works: in one thread beside it, and gives counts only. */
import { Worker } from 'node:worker_threads'
import { TesseraError } from '@tessera/shared/errors'
import type { Study } from '@tessera/shared/protocol'
import { type DataReport, type DataRules, tileOptions } from '../data/index.ts'

export interface CheckedTiles {
  /** Null when not even a list of the tiles could be had. */
  readonly report: DataReport | null
  /** Tiles of almost nothing but background, and tiles far less sharp than their class. */
  readonly empty: number
  readonly blurred: number
  /** Why a training would refuse them; null when it would not. */
  readonly fault: { readonly code: string; readonly message: string } | null
}

/** From the thread. */
export type CheckMessage =
  | { readonly kind: 'read'; readonly done: number; readonly total: number }
  | { readonly kind: 'checked'; readonly checked: CheckedTiles }

export interface CheckOptions {
  readonly study: Study
  readonly dataDir: string
  readonly dataRules: DataRules
  readonly onRead: (done: number, total: number) => void
  readonly signal: AbortSignal
}

/** @throws {TesseraError} ERR_INTERRUPTED; ERR_DATA_WORKER if the thread ends without an answer. */
export async function checkTiles(options: CheckOptions): Promise<CheckedTiles> {
  const { study, dataDir, dataRules, onRead, signal } = options
  if (signal.aborted) throw interrupted()
  const thread = new Worker(new URL('thread.mjs', import.meta.url), {
    workerData: { ...dataRules, ...tileOptions(study), dir: dataDir },
  })
  const onAbort = (): void => void thread.terminate()
  signal.addEventListener('abort', onAbort)
  try {
    return await new Promise<CheckedTiles>((resolve, reject) => {
      thread.on('message', (message: CheckMessage) => {
        if (message.kind === 'checked') resolve(message.checked)
        else onRead(message.done, message.total)
      })
      thread.on('error', (cause) => reject(ended(cause)))
      thread.on('exit', () => reject(signal.aborted ? interrupted() : ended()))
    })
  } finally {
    signal.removeEventListener('abort', onAbort)
    await thread.terminate()
  }
}

function ended(cause?: unknown): TesseraError {
  return new TesseraError('ERR_DATA_WORKER', 'thread of the check must give its report, got its end', {
    cause,
  })
}

function interrupted(): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'check must read every tile, got a stop')
}
