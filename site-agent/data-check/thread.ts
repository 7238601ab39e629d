/** @file The check of a site's tiles as a thread: what it decodes is freed with it. */
import { parentPort, workerData } from 'node:worker_threads'
import { type AssessOptions, assessTiles } from '../data/index.ts'
import type { CheckedTiles, CheckMessage } from './check-tiles.ts'

const tell = (message: CheckMessage): void => parentPort?.postMessage(message, [])
const { report, quality, fault } = await assessTiles({
  ...(workerData as AssessOptions),
  // Counts are all that is wanted: no pixels are kept, and this thread is the only one that works for it.
  memoryBudgetBytes: 0,
  workers: 0,
  onRead: (done, total) => tell({ kind: 'read', done, total }),
})
const checked: CheckedTiles = {
  report,
  empty: quality?.empty ?? 0,
  blurred: quality?.blurred ?? 0,
  fault: fault && { code: fault.code, message: fault.message },
}
tell({ kind: 'checked', checked })
