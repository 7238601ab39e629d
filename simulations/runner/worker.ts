/** @file A worker process: does the tasks that its parent sends, one after the other, reports progress, sends results. Ends after a failure, and when the parent is gone. */
import { asTesseraError, type ErrorCode } from '@tessera/shared/errors'
import { runTask, type Task, type TaskProgress, type TaskResults } from './tasks.ts'

export type WorkerMessage =
  | { readonly progress: TaskProgress }
  | { readonly result: TaskResults[Task['kind']] }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } }

/** Reports closer than this to the one before are dropped: a terminal is redrawn four times a second. */
const REPORT_EVERY_MS = 200

const send = (message: WorkerMessage): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, () => resolve())
  })

process.on('message', (task: Task) => {
  let reportedMs = 0
  const report = (progress: TaskProgress): void => {
    const now = Date.now()
    if (now - reportedMs < REPORT_EVERY_MS) return
    reportedMs = now
    void send({ progress })
  }
  runTask(task, report)
    .then((result) => send({ result }))
    .catch(async (thrown: unknown) => {
      const { code, message } = asTesseraError(thrown)
      await send({ failure: { code, message } })
      // What it has left behind in the engine, nobody knows.
      process.disconnect()
    })
})
process.once('disconnect', () => process.exit())
// The parent ends its workers itself; a Ctrl-C that reaches the whole group must not cut off their last words.
process.on('SIGINT', () => undefined)
