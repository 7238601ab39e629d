import { closeSync, openSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deltaBytes } from '@tessera/shared/delta'
import type { Layout } from '@tessera/shared/model'
import { createRandom } from '@tessera/shared/random'
import type { Combination } from '@tessera/shared/reduction'
import { describe, expect, onTestFinished, test } from 'vitest'
import { combineUpdates } from '../../../coordinator/reducing/combine.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Fourteen blocks of a mean: more than the ring of two threads holds. */
const LAYOUT: Layout = {
  architecture: 'wide',
  tensors: [
    { name: 'a', shape: [300_001], kind: 'trainable' },
    { name: 'b', shape: [600_000], kind: 'trainable' },
  ],
}

async function stored(count: number): Promise<number[]> {
  const dir = await temporaryFolder()
  const random = createRandom('combine')
  const descriptors: number[] = []
  for (let i = 0; i < count; i++) {
    const values = Float32Array.from({ length: deltaBytes(LAYOUT) / 4 }, () => random.float())
    await writeFile(join(dir, `${i}`), new Uint8Array(values.buffer))
    descriptors.push(openSync(join(dir, `${i}`), 'r'))
  }
  onTestFinished(() => {
    for (const descriptor of descriptors) closeSync(descriptor)
  })
  return descriptors
}

function blocksOf(descriptors: readonly number[], combination: Combination, threads: number) {
  const ones = descriptors.map(() => 1)
  const reduction = { combination, weights: descriptors.map((_, i) => i + 1), scales: ones }
  return combineUpdates({ layout: LAYOUT, encoding: 'f32', reduction, descriptors, threads })
}

describe('combineUpdates()', () => {
  test('many blocks over threads come in order, with the bits of one thread', async () => {
    const descriptors = await stored(3)
    for (const combination of [{ kind: 'mean' }, { kind: 'trimmed', trim: 1 }] as const) {
      const runs = []
      for (const threads of [0, 1, 2, 4]) {
        const values: Float32Array[] = []
        const offsets: number[] = []
        for await (const { block, values: some } of blocksOf(descriptors, combination, threads)) {
          values.push(some.slice())
          offsets.push(block.offset)
        }
        expect(offsets).toHaveLength(14)
        expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
        runs.push(Buffer.concat(values.map((some) => new Uint8Array(some.buffer))))
      }
      for (const run of runs.slice(1)) expect(Buffer.compare(run, runs[0] ?? Buffer.alloc(0))).toBe(0)
    }
  })

  test('two jobs at once take turns', async () => {
    const descriptors = await stored(2)
    const total = async (): Promise<number> => {
      let sum = 0
      for await (const { values } of blocksOf(descriptors, { kind: 'mean' }, 2))
        sum += values.reduce((a, b) => a + b, 0)
      return sum
    }
    const [one, other] = await Promise.all([total(), total()])
    expect(one).toBe(other)
  })

  test('whoever stops half way leaves threads that work', async () => {
    const descriptors = await stored(2)
    for (let i = 0; i < 3; i++) {
      for await (const { block } of blocksOf(descriptors, { kind: 'mean' }, 2)) if (block.offset > 0) break
    }
    let blocks = 0
    for await (const { values } of blocksOf(descriptors, { kind: 'mean' }, 2))
      blocks += Math.sign(values.length)
    expect(blocks).toBe(14)
  })

  test('a file that ends too early fails on threads as it does without', async () => {
    const [good = -1] = await stored(1)
    const short = join(await temporaryFolder(), 'short')
    await writeFile(short, new Uint8Array(100))
    const descriptor = openSync(short, 'r')
    onTestFinished(() => closeSync(descriptor))
    for (const threads of [0, 2]) {
      const read = async (): Promise<void> => {
        for await (const { block } of blocksOf([good, descriptor], { kind: 'mean' }, threads))
          expect(block).toBeDefined()
      }
      await expect(read()).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
    }
  })
})
