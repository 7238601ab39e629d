import { describe, expect, test } from 'vitest'
import { type Job, runJobs } from '../../../simulations/runner/schedule.ts'

/** Jobs that end when told to, and what started when. */
function controlled(needs: Readonly<Record<string, readonly string[]>>): {
  jobs: Job[]
  started: string[]
  end: (name: string) => Promise<void>
  fail: (name: string) => void
} {
  const started: string[] = []
  const ends = new Map<string, { resolve: () => void; reject: (error: Error) => void }>()
  const jobs = Object.entries(needs).map(
    ([name, needs]): Job => ({
      name,
      needs,
      run() {
        started.push(name)
        return new Promise((resolve, reject) => {
          ends.set(name, { resolve, reject })
        })
      },
    }),
  )
  return {
    jobs,
    started,
    async end(name) {
      ends.get(name)?.resolve()
      await new Promise((resolve) => setImmediate(resolve))
    },
    fail: (name) => ends.get(name)?.reject(new Error(`${name} failed`)),
  }
}

describe('runJobs()', () => {
  test('starts what is ready in order, no more than the lanes, and what waits when its need is done', async () => {
    const { jobs, started, end } = controlled({ a: [], b: [], c: ['a'], d: [] })
    const all = runJobs(jobs, 2)
    expect(started).toEqual(['a', 'b'])
    await end('b')
    expect(started).toEqual(['a', 'b', 'd'])
    await end('a')
    expect(started).toEqual(['a', 'b', 'd', 'c'])
    await end('c')
    await end('d')
    await all
  })
  test('fails with the first failure and starts nothing more', async () => {
    const { jobs, started, fail } = controlled({ a: [], b: [], c: [] })
    const all = runJobs(jobs, 2)
    fail('a')
    await expect(all).rejects.toThrow('a failed')
    fail('b')
    expect(started).toEqual(['a', 'b'])
  })
  test('refuses jobs that wait for each other', async () => {
    const { jobs } = controlled({ a: ['b'], b: ['a'] })
    await expect(runJobs(jobs, 2)).rejects.toMatchObject({ code: 'ERR_INTERNAL' })
  })
})
