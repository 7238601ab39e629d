import { readdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { computeStudent } from '@tessera/coordinator/reducing'
import { contentStore } from '@tessera/coordinator/store'
import { applyDelta, computeDelta, encodeDelta } from '@tessera/shared/delta'
import {
  decodeModel,
  encodeSafetensors,
  federatedLayout,
  initialWeights,
  type Layout,
  type Weights,
} from '@tessera/shared/model'
import { type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { sha256Hex } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { aggregation, type SentDelta } from '../../support/aggregated.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { TINY_LAYOUT, TINY_STUDY } from '../raw-site.ts'
import '../../support/allclose.ts'

const BASE = initialWeights(TINY_LAYOUT, 'base')
/** Small enough that no variance turns negative. */
function trained(seed: string, layout: Layout = TINY_LAYOUT): Weights {
  const random = createRandom(seed)
  const all = new Map(
    layout.tensors.map(({ name }) => {
      const stream = random.fork(name)
      return [name, (BASE.get(name) ?? new Float32Array()).map((x) => x + 0.1 * stream.float())] as const
    }),
  )
  return computeDelta(layout, all, BASE)
}
const sites = (count: number): SentDelta[] =>
  Array.from({ length: count }, (_, i) => ({ site: `site-${i}`, samples: 10 + i, delta: trained(`${i}`) }))

/** The weighted mean with loops, and the student it makes. */
function byLoops(updates: readonly SentDelta[]): Weights {
  const total = updates.reduce((sum, { samples }) => sum + samples, 0)
  const mean = new Map(
    federatedLayout(TINY_LAYOUT).tensors.map(({ name }) => [
      name,
      (updates[0]?.delta.get(name) ?? new Float32Array()).map(
        (_, i) =>
          updates.reduce((sum, { samples, delta }) => sum + samples * (delta.get(name)?.[i] ?? 0), 0) / total,
      ),
    ]),
  )
  return applyDelta(TINY_LAYOUT, BASE, mean)
}

describe('computeStudent()', () => {
  test('is the oracle of scalar loops, to the bit', async () => {
    const run = await aggregation(TINY_LAYOUT, {}, { base: BASE })
    const { student, sha256, diagnostics } = await run.round(sites(5))
    const want = byLoops(sites(5))
    expect(student).toEqual(want)
    expect(sha256).toBe(sha256Hex(encodeSafetensors(TINY_LAYOUT, want)))
    expect(diagnostics).toMatchObject({ sites: 5, samples: 60, clipped: [] })
  })

  test.each(['f32', 'bf16', 'int8'] as const)(
    'any number of threads gives the same bytes of %s',
    async (encoding) => {
      for (const name of ['fedadam', 'median'] as const) {
        const federation: StudyInput['federation'] = { encoding, strategy: { name } }
        const hashes = []
        for (const threads of [0, 1, 3]) {
          const run = await aggregation(TINY_LAYOUT, federation, { base: BASE, threads })
          const { sha256, state } = await run.round(sites(6))
          hashes.push([sha256, ...state].join())
        }
        expect(new Set(hashes).size).toBe(1)
      }
    },
  )

  test('a state that a round leaves is where the next begins', async () => {
    const federation: StudyInput['federation'] = {
      strategy: { name: 'fedavgm', learningRate: 1, nesterov: false },
    }
    const run = await aggregation(TINY_LAYOUT, federation, { base: BASE })
    const [delta] = sites(1)
    const first = await run.round(delta ? [delta] : [])
    const second = await run.round(delta ? [delta] : [])
    const name = 'classifier.1.weight'
    const step = second.student.get(name)?.map((x, i) => x - (first.student.get(name)?.[i] ?? 0))
    // m = 0.9·Δ + Δ; two float32 roundings of numbers of about 0.2.
    expect([...(step ?? [])]).toBeAllclose([...(delta?.delta.get(name)?.map((x) => 1.9 * x) ?? [])], {
      absolute: 1e-6,
    })
    expect(first.state).toHaveLength(1)
    const learnt = { ...TINY_LAYOUT, tensors: TINY_LAYOUT.tensors.filter(({ kind }) => kind === 'trainable') }
    const m = decodeModel(await run.models.load(second.state[0] ?? ''), learnt)
    expect([...m.keys()]).toEqual(learnt.tensors.map(({ name }) => name))
  })

  test('a delta scaled down by the guard keeps its weight', async () => {
    const long = new Map([...trained('x')].map(([name, values]) => [name, values.map((x) => 1000 * x)]))
    const updates = [...sites(4), { site: 'zz', samples: 10, delta: long }]
    const run = await aggregation(TINY_LAYOUT, {}, { base: BASE })
    const { diagnostics, student } = await run.round(updates)
    expect(diagnostics.clipped).toEqual(['zz'])
    const alone = await (await aggregation(TINY_LAYOUT, {}, { base: BASE })).round(sites(4))
    const distance = (a: Weights) =>
      Math.sqrt(
        [...a].reduce(
          (sum, [name, values]) =>
            sum + values.reduce((s, x, i) => s + (x - (alone.student.get(name)?.[i] ?? 0)) ** 2, 0),
          0,
        ),
      )
    const unguarded = await aggregation(TINY_LAYOUT, { guards: { adaptiveNorm: 'off' } }, { base: BASE })
    expect(100 * distance(student)).toBeLessThan(distance((await unguarded.round(updates)).student))
  })
})

describe('what goes wrong', () => {
  async function stored(base: Uint8Array, deltas: readonly Uint8Array[]) {
    const dir = await temporaryFolder()
    const models = contentStore(join(dir, 'models'), '.safetensors')
    const updates = contentStore(join(dir, 'updates'), '.bin')
    const payloads = []
    for (const delta of deltas) payloads.push(await updates.save(delta))
    const options = {
      study: studySchema.parse(TINY_STUDY),
      layout: TINY_LAYOUT,
      base: await models.save(base),
      updates: payloads.map((payload, i) => ({
        site: `${i}`,
        samples: 1,
        norm: 1,
        weight: 1,
        scale: 1,
        payload,
      })),
      state: [],
      models,
      deltas: updates,
    }
    const left = async () => (await readdir(join(dir, 'models'))).filter((name) => name.startsWith('.tmp-'))
    return { dir, options, payloads, left }
  }
  const base = encodeSafetensors(TINY_LAYOUT, BASE)
  const delta = encodeDelta(TINY_LAYOUT, trained('a'))

  test('a stored delta of other bytes is ERR_STORE_CORRUPT and named; nothing is left behind', async () => {
    const { dir, options, payloads, left } = await stored(base, [delta])
    const file = join(dir, 'updates', `${payloads[0]}.bin`)
    await writeFile(
      file,
      delta.map((byte, i) => (i === 77 ? byte ^ 1 : byte)),
    )
    await expect(computeStudent(options)).rejects.toMatchObject({
      code: 'ERR_STORE_CORRUPT',
      message: expect.stringContaining(payloads[0] ?? '?'),
    })
    expect(await left()).toEqual([])
  })
  test.each([0, 2])(
    'a delta that is shorter than its layout is ERR_STORE_CORRUPT, on %d threads',
    async (threads) => {
      const { options, left } = await stored(base, [delta, delta.subarray(0, -4)])
      await expect(computeStudent({ ...options, threads })).rejects.toMatchObject({
        code: 'ERR_STORE_CORRUPT',
      })
      expect(await left()).toEqual([])
      // The threads are of use for the next round.
      const good = await stored(base, [delta])
      expect((await computeStudent({ ...good.options, threads })).diagnostics.sites).toBe(1)
    },
  )
  test('a base cut short while the round is computed is ERR_STORE_CORRUPT', async () => {
    const { dir, options } = await stored(base, [delta])
    await options.models.loadPart(options.base, 0, 1)
    await truncate(join(dir, 'models', `${options.base}.safetensors`), base.length - 4)
    await expect(computeStudent(options)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' })
  })
  test('a base of another layout is ERR_LAYOUT_MISMATCH', async () => {
    const { options } = await stored(encodeSafetensors(TINY_LAYOUT, BASE, { other: 'header' }), [delta])
    await expect(computeStudent(options)).rejects.toMatchObject({ code: 'ERR_LAYOUT_MISMATCH' })
  })
  test('statistics that would overflow the student are ERR_UPDATE_NOT_FINITE', async () => {
    const huge = new Map(
      [...trained('a')].map(([name, values]) => [
        name,
        name.endsWith('running_mean') ? values.fill(3.4e38) : values,
      ]),
    )
    const far = new Map(
      [...BASE].map(([name, values]) => [
        name,
        name.endsWith('running_mean') ? values.map(() => 3e38) : values,
      ]),
    )
    const { options } = await stored(encodeSafetensors(TINY_LAYOUT, far), [encodeDelta(TINY_LAYOUT, huge)])
    await expect(computeStudent(options)).rejects.toMatchObject({ code: 'ERR_UPDATE_NOT_FINITE' })
  })
})
