import { closeSync, openSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { deltaBytes, encodeDelta } from '@tessera/shared/delta'
import type { Layout } from '@tessera/shared/model'
import { expect, onTestFinished, test, vi } from 'vitest'
import { combineUpdates } from '../../../coordinator/reducing/combine.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const started = vi.hoisted((): Worker[] => [])
vi.mock('node:worker_threads', async (original) => {
  const module = await original<typeof import('node:worker_threads')>()
  return {
    ...module,
    Worker: class extends module.Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args)
        started.push(this)
      }
    },
  }
})

const LAYOUT: Layout = {
  architecture: 'wide',
  tensors: [{ name: 'a', shape: [1_000_000], kind: 'trainable' }],
}

test('a thread that ends in the middle is ERR_AGGREGATION_THREAD, and the next round gets a new one', async () => {
  const file = join(await temporaryFolder(), 'delta')
  const delta = new Map([['a', new Float32Array(1_000_000).fill(0.5)]])
  await writeFile(file, encodeDelta(LAYOUT, delta))
  const descriptor = openSync(file, 'r')
  onTestFinished(() => closeSync(descriptor))
  const round = async (during: () => Promise<unknown>): Promise<number> => {
    const reduction = { combination: { kind: 'mean' }, weights: [1], scales: [1] } as const
    const options = {
      layout: LAYOUT,
      encoding: 'f32',
      reduction,
      descriptors: [descriptor],
      threads: 2,
    } as const
    let bytes = 0
    for await (const { values } of combineUpdates(options)) {
      bytes += values.byteLength
      await during()
    }
    return bytes
  }
  await expect(round(async () => started[0]?.terminate())).rejects.toMatchObject({
    code: 'ERR_AGGREGATION_THREAD',
    message: 'thread that combines deltas must run until its work is done, got its end',
  })
  expect(await round(async () => undefined)).toBe(deltaBytes(LAYOUT))
  expect(started).toHaveLength(3)
})
