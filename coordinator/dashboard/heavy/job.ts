/** @file A process of its own that does one job and ends; it ends too when the coordinator does. */
import { asTesseraError } from '@tessera/shared/errors'
import { JOBS, type Tell } from './jobs.ts'
import type { JobMessage, JobOrder } from './run-job.ts'

const say = (message: JobMessage): void => void process.send?.(message)
const tell: Tell = (done, of) => say({ type: 'progress', done, of })

process.once('disconnect', () => process.exit(1))
process.once('message', ({ name, options }: JobOrder) => {
  // The order comes from this program's own code: name and options belong together.
  const job = JOBS[name] as (options: unknown, tell: Tell) => Promise<unknown>
  job(options, tell)
    .then(
      (result) => say({ type: 'done', result }),
      (thrown: unknown) => {
        const { code, message } = asTesseraError(thrown)
        say({ type: 'failed', code, message })
      },
    )
    .finally(() => process.disconnect())
})
