/** @file Runs jobs that wait for each other, as many at a time as there are lanes. Pure but for what the jobs do. */
import { TesseraError } from '@tessera/shared/errors'

export interface Job {
  readonly name: string
  /** Jobs that must be done before. */
  readonly needs: readonly string[]
  run(): Promise<void>
}

/**
 * Runs all jobs; of those that are ready, the first in the list goes first. Resolves when all are done.
 * @throws What the first job to fail threw; no further job is started, and jobs that run are left to the caller to stop.
 */
export async function runJobs(jobs: readonly Job[], lanes: number): Promise<void> {
  const waiting = [...jobs]
  const done = new Set<string>()
  const running = new Map<string, Promise<string>>()
  while (waiting.length > 0 || running.size > 0) {
    while (running.size < lanes) {
      const next = waiting.findIndex((job) => job.needs.every((need) => done.has(need)))
      const job = waiting[next]
      if (job === undefined) break
      waiting.splice(next, 1)
      const run = job.run().then(() => job.name)
      // Several may fail together: all but the first one awaited would go unhandled.
      run.catch(() => undefined)
      running.set(job.name, run)
    }
    if (running.size === 0) {
      const names = waiting.map((job) => job.name).join(', ')
      throw new TesseraError(
        'ERR_INTERNAL',
        `internal: jobs must not wait for each other in a circle, got ${names}`,
      )
    }
    const name = await Promise.race(running.values())
    running.delete(name)
    done.add(name)
  }
}
