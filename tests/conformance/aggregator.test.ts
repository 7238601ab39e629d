/** @file What every aggregation strategy must do, run on each one. A new strategy adds a row to STRATEGIES. */
import { type Aggregator, fedavg, type SiteUpdate } from '@tessera/coordinator/aggregation'
import type { Layout, Weights } from '@tessera/shared/model'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const LAYOUT: Layout = {
  architecture: 'conformance',
  tensors: [
    { name: 'weight', shape: [2, 3], kind: 'trainable' },
    { name: 'running_var', shape: [2], kind: 'statistic' },
    { name: 'steps', shape: [], kind: 'counter' },
    { name: 'queue', shape: [5], kind: 'local-only' },
  ],
}

const STRATEGIES: readonly [string, (layout: Layout) => Aggregator<unknown>][] = [['fedavg', fedavg]]

function anUpdate(site: string, values: readonly number[], samples = 1): SiteUpdate {
  const value = (i: number): number => values[i % values.length] ?? 0
  const delta: Weights = new Map([
    ['weight', Float32Array.from({ length: 6 }, (_, i) => value(i))],
    ['running_var', Float32Array.from({ length: 2 }, (_, i) => value(i))],
    ['steps', Float32Array.of(Math.round(value(0)))],
  ])
  return { site, samples, weight: samples, delta }
}

/** Hands out updates one by one; counts how many are held at a time. */
async function* streamed(updates: readonly SiteUpdate[]): AsyncGenerator<SiteUpdate> {
  for (const update of updates) yield update
}

describe.each(STRATEGIES)('%s', (name, create) => {
  const apply = async (updates: readonly SiteUpdate[]) => {
    const strategy = create(LAYOUT)
    return strategy.apply(strategy.init(), streamed(updates))
  }

  test('has the name that stands in the record', () => {
    expect(create(LAYOUT).name).toBe(name)
  })

  test('gives a delta of the federated layout: no local-only tensor, names in order', async () => {
    const { delta } = await apply([anUpdate('a', [1])])
    expect([...delta].map(([tensor, values]) => [tensor, values.length])).toEqual([
      ['weight', 6],
      ['running_var', 2],
      ['steps', 1],
    ])
  })

  test('one site alone gets what it sent', async () => {
    const update = anUpdate('a', [0.5, -2, 3], 7)
    const { delta, diagnostics } = await apply([update])
    expect(delta).toEqual(update.delta)
    expect(diagnostics).toMatchObject({ sites: 1, samples: 7 })
  })

  test('sites that agree get what they agree on', async () => {
    const sites = ['a', 'b', 'c'].map((site, i) => anUpdate(site, [0.25, -1], i + 1))
    expect((await apply(sites)).delta).toEqual(sites[0]?.delta)
  })

  test('stays within the sites, element by element', async () => {
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })
    const site = fc.tuple(fc.array(finite, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 1000 }))
    await fc.assert(
      fc.asyncProperty(fc.array(site, { minLength: 1, maxLength: 6 }), async (sites) => {
        const updates = sites.map(([values, samples], i) => anUpdate(`site-${i}`, values, samples))
        const { delta } = await apply(updates)
        for (const [tensor, values] of delta) {
          for (const [i, value] of values.entries()) {
            const sent = updates.map((update) => update.delta.get(tensor)?.[i] ?? 0)
            // float64 sums, rounded to float32 at the end: half a unit of the last place of the largest.
            const slack = 1e-6 * Math.max(...sent.map(Math.abs))
            expect(value).toBeGreaterThanOrEqual(Math.min(...sent) - slack)
            expect(value).toBeLessThanOrEqual(Math.max(...sent) + slack)
          }
        }
      }),
    )
  })

  test('the same updates in the same order give the same bits', async () => {
    const updates = ['a', 'b', 'c'].map((site, i) => anUpdate(site, [1 / (i + 3), Math.PI * i], i + 1))
    expect((await apply(updates)).delta).toEqual((await apply(updates)).delta)
  })

  test('does not change what it is given', async () => {
    const updates = [anUpdate('a', [1]), anUpdate('b', [2])]
    const before = structuredClone(updates.map(({ delta }) => delta))
    await apply(updates)
    expect(updates.map(({ delta }) => delta)).toEqual(before)
  })

  test('takes the largest counter, never the mean', async () => {
    const { delta } = await apply([anUpdate('a', [10], 100), anUpdate('b', [-4], 1), anUpdate('c', [3], 1)])
    expect(delta.get('steps')).toEqual(Float32Array.of(10))
    const negative = await apply([anUpdate('a', [-4]), anUpdate('b', [-7])])
    expect(negative.delta.get('steps')).toEqual(Float32Array.of(-4))
  })

  test('refuses a round without updates: ERR_ROUND_EMPTY', async () => {
    await expect(apply([])).rejects.toMatchObject({ code: 'ERR_ROUND_EMPTY' })
  })

  test('refuses a delta of another layout, naming the site: ERR_LAYOUT_MISMATCH, ERR_TENSOR_SHAPE', async () => {
    const lacking = { ...anUpdate('b', [1]), delta: new Map([['weight', new Float32Array(6)]]) }
    await expect(apply([anUpdate('a', [1]), lacking])).rejects.toMatchObject({
      code: 'ERR_LAYOUT_MISMATCH',
      message: expect.stringContaining('site b'),
    })
    const short = new Map(anUpdate('b', [1]).delta).set('weight', new Float32Array(5))
    await expect(apply([{ ...anUpdate('b', [1]), delta: short }])).rejects.toMatchObject({
      code: 'ERR_TENSOR_SHAPE',
    })
  })
})
