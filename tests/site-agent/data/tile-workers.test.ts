import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { SurveyJob } from '../../../site-agent/data/tile-job.ts'
import { createProgress } from '../../../site-agent/data/tile-queue.ts'
import { runJob } from '../../../site-agent/data/tile-workers.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { noiseFolder } from '../../support/tile-files.ts'

function surveyOf(paths: readonly string[], sizePx = 8): SurveyJob {
  return {
    kind: 'survey',
    sizePx,
    origins: paths,
    store: null,
    measures: null,
    first: 0,
    slots: Int32Array.from(paths, (_, i) => i),
    outcomes: new Uint8Array(new SharedArrayBuffer(paths.length)),
    digests: new Uint8Array(new SharedArrayBuffer(paths.length * 32)),
    progress: createProgress(),
  }
}

async function files(count: number): Promise<string[]> {
  const dir = await noiseFolder({ a: count })
  return Array.from({ length: count }, (_, i) => join(dir, 'a', `${i}.png`))
}

describe('runJob()', () => {
  test('works on several jobs at once, in the main thread too', async () => {
    const paths = await files(9)
    const jobs = [0, 1, 2, 0, 2].map((workers) => ({ job: surveyOf(paths), workers }))
    await Promise.all(jobs.map(({ job, workers }) => runJob(job, workers).done))
    for (const { job } of jobs) expect(job.digests).toEqual(jobs[0]?.job.digests)
    expect(jobs[0]?.job.digests.some((byte) => byte !== 0)).toBe(true)
  })

  test('gives a tile’s fault with its code, and no path', async () => {
    const { slots, ...job } = surveyOf(await files(2))
    const batch = {
      ...job,
      kind: 'batch' as const,
      origins: ['/no/such/patient.png', '/no/such/patient.png'],
      slots,
      images: new Float32Array(new SharedArrayBuffer(2 * 8 * 8 * 3 * 4)),
      streams: null,
      augment: 'none' as const,
      stain: null,
    }
    for (const workers of [0, 1]) {
      const error = await runJob({ ...batch, progress: createProgress() }, workers).done.catch(String)
      expect(error).toBe('TesseraError: tile must decode without errors, got a broken file')
    }
  })

  test.each([0, 1])('an unforeseen error is ERR_INTERNAL without its text (workers: %d)', async (workers) => {
    const job = surveyOf(['/no/such/patient.png'])
    // No room for the digest.
    const broken = { ...job, digests: new Uint8Array(new SharedArrayBuffer(1)), origins: await files(1) }
    await expect(runJob(broken, workers).done).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
      message: 'internal: tile must be prepared without errors, got an unexpected one',
    })
  })

  test('goes on after a job that failed and one that was cancelled', async () => {
    const paths = await files(40)
    // So many that they cannot all be done between two lines, however busy the machine is.
    const cancelled = surveyOf(Array.from({ length: 400 }, () => paths).flat())
    runJob(cancelled, 2).cancel()
    const job = surveyOf(paths)
    await runJob(job, 2).done
    expect(Atomics.load(job.progress, 1)).toBe(40)
    // Tiles that were in work at the time are finished, the others never begun.
    expect(Atomics.load(cancelled.progress, 1)).toBeLessThan(16_000)
  })
})

/** Runs a script in a process of its own, so that its end can be seen. */
async function run(script: string): Promise<{ code: number | null; signal: string | null; output: string }> {
  const file = join(await temporaryFolder(), 'script.mts')
  await writeFile(file, script)
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk
    // The script says when it wants to be stopped.
    if (output.includes('stop me')) child.kill('SIGINT')
  })
  child.stderr.on('data', (chunk: Buffer) => (output += chunk))
  const [code, signal] = await once(child, 'exit')
  return { code, signal, output }
}

const source = (path: string): string =>
  JSON.stringify(new URL(`../../../site-agent/${path}`, import.meta.url))
const opening = (dir: string, workers = 2): string => `
  import { openTiles } from ${source('data/index.ts')}
  import { createRandom } from ${source('../shared/random.ts')}
  const tiles = await openTiles({ dir: ${JSON.stringify(dir)}, classes: ['a', 'b'], sizePx: 8, workers: ${workers}, memoryBudgetBytes: 0 })
  const batches = tiles.batches({ random: createRandom('s'), batchSize: 2, augment: 'randaugment' })
`

describe('a process that reads tiles', () => {
  test('ends by itself after its last batch, and after an epoch that it left', async () => {
    const dir = await noiseFolder({ a: 9, b: 9 })
    const { code, output } = await run(`${opening(dir)}
      for await (const batch of batches) { console.log(batch.size); break }
      console.log('left')`)
    expect({ code, output }).toEqual({ code: 0, output: '2\nleft\n' })
  })

  test('is stopped by a signal in the middle of an epoch', async () => {
    const dir = await noiseFolder({ a: 9, b: 9 })
    const { signal, output } = await run(`${opening(dir)}
      for await (const batch of batches) { console.log('stop me'); await new Promise(() => setInterval(() => {}, 1000)) }`)
    expect({ signal, output }).toEqual({ signal: 'SIGINT', output: 'stop me\n' })
  })

  test('starts its thread once, learns of its end as ERR_DATA_WORKER, and gets a new one', async () => {
    const dir = await noiseFolder({ a: 9, b: 9 })
    const { output } = await run(`
      import { Worker } from 'node:worker_threads'
      const started = []
      // The pool's threads, seen from outside: the last message to one is its death.
      const post = Worker.prototype.postMessage
      Worker.prototype.postMessage = function (...message) {
        started.push(this)
        return post.apply(this, message)
      }
      ${opening(dir, 1)}
      const reader = batches[Symbol.asyncIterator]()
      await reader.next()
      console.log(new Set(started).size, started.length > 1)
      // The only thread: another could do all the work before the end of this one is noticed.
      const [victim] = started
      Worker.prototype.postMessage = function (...message) {
        if (this === victim) void this.terminate()
        return post.apply(this, message)
      }
      const read = async (batches) => { let size = 0; for await (const batch of batches) size += batch.size; return size }
      console.log(await read(reader).catch(({ code, message }) => code + ' ' + message))
      Worker.prototype.postMessage = post
      console.log(await read(tiles.batches({ random: null, batchSize: 5, augment: 'none' })))
    `)
    expect(output.split('\n')).toEqual([
      '1 true',
      'ERR_DATA_WORKER thread that prepares tiles must run until its work is done, got its end',
      '18',
      '',
    ])
  })
})
