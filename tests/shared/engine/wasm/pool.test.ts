import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createRandom } from '@tessera/shared/random'
import { afterEach, describe, expect, test } from 'vitest'
import { loadKernels } from '../../../../shared/engine/wasm/load.ts'
import { type Pool, startPool } from '../../../../shared/engine/wasm/pool.ts'
import { type Memory, webAssembly } from '../../../../shared/engine/wasm/web-assembly.ts'

const PAGE = 65536
const module = await loadKernels()
const pools: Pool[] = []

function start(threads: number, pages = 16): { pool: Pool; memory: Memory; values: Float32Array } {
  const memory = new webAssembly.Memory({ initial: pages, maximum: 65536, shared: true })
  const pool = startPool(module, memory, threads)
  pools.push(pool)
  return { pool, memory, values: new Float32Array(memory.buffer) }
}

afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.close()
})

/** Runs jobs until every worker has had time to start and to take its part. */
async function whileWorkersStart(job: () => void): Promise<void> {
  for (let turn = 0; turn < 20; turn++) {
    job()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('startPool()', () => {
  test.each([1, 2, 3, 5])('runs every task once on %i threads, in 3000 jobs on end', async (threads) => {
    const { pool, values } = start(threads)
    const count = 4096
    const random = createRandom('values')
    const x = Float32Array.from({ length: count }, () => random.normal())
    values.set(x)
    const zeros = new Float32Array(count)
    let wrong = 0
    await whileWorkersStart(() => {
      for (let job = 0; job < 150; job++) {
        values.set(zeros, count)
        // y = 0.5 x + 0.5 y of a y that is 0: a task that runs twice would give 0.75 x. The number of tasks changes from job to job.
        const block = 8 * (1 + (job % 64))
        pool.run('towards', Math.ceil(count / block), block, 0, 4 * count, 4 * count, count, 0.5)
        for (let i = 0; i < count; i++) if (values[count + i] !== 0.5 * (x[i] ?? 0)) wrong++
      }
    })
    expect(wrong).toBe(0)
  })

  test('says ERR_ENGINE_THREAD after a worker has ended', async () => {
    const { pool } = start(3)
    const run = (): void => pool.run('swish', 4, 8, 0, 0, 32, PAGE)
    run()
    await pool.workers[1]?.terminate()
    expect(run).toThrow(
      expect.objectContaining({
        code: 'ERR_ENGINE_THREAD',
        message: 'threads of the engine must live as long as the process, got the end of one',
      }),
    )
    expect(run).toThrow('threads of the engine must live as long as the process')
  })

  test('passes on a fault of this thread, and waits for the others first', async () => {
    const { pool } = start(2, 1)
    expect(() => pool.run('swish', 64, 1024, PAGE, PAGE, 65536, 0)).toThrow('memory access out of bounds')
  })

  test('does not keep the process, uses no processor while idle, and ends with it', async () => {
    const program = `
      import { loadKernels } from './shared/engine/wasm/load.ts'
      import { startPool } from './shared/engine/wasm/pool.ts'
      const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true })
      const pool = startPool(await loadKernels(), memory, 4)
      for (let i = 0; i < 100; i++) pool.run('swish', 4, 1024, 0, 0, 4096, 65536)
      const nobody = new Int32Array(new SharedArrayBuffer(4))
      let least = Infinity
      // The first half seconds still hold the compiler's own work, and on a busy machine the threads' start.
      for (let i = 0; i < 20 && least > 100; i++) {
        const before = process.cpuUsage()
        Atomics.wait(nobody, 0, 0, 500)
        const { user, system } = process.cpuUsage(before)
        least = Math.min(least, (user + system) / 1000)
      }
      process.stdout.write(String(least))`
    const root = fileURLToPath(new URL('../../../../', import.meta.url))
    const child = ['--import', 'tsx', '--input-type=module', '--eval', program]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, child, { cwd: root })
    expect(stderr).toBe('')
    // Of the 1000 ms and more that spinning threads use in every half second on 2 cores; the runtime's own threads use a few.
    expect(Number(stdout)).toBeLessThan(200)
  })
})
