import { fedavg, type SiteUpdate } from '@tessera/coordinator/aggregation'
import type { Layout } from '@tessera/shared/model'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const LAYOUT: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'weight', shape: [2], kind: 'trainable' },
    { name: 'running_mean', shape: [1], kind: 'statistic' },
  ],
}

function anUpdate(site: string, weight: number, values: readonly [number, number, number]): SiteUpdate {
  const [a, b, mean] = values
  const delta = new Map([
    ['weight', Float32Array.of(a, b)],
    ['running_mean', Float32Array.of(mean)],
  ])
  return { site, samples: weight, weight, delta }
}

async function mean(updates: readonly SiteUpdate[]) {
  async function* stream(): AsyncGenerator<SiteUpdate> {
    yield* updates
  }
  return fedavg(LAYOUT).apply(null, stream())
}

describe('fedavg()', () => {
  test('is (3, 1) for (0, 4) of one tile and (4, 0) of three', async () => {
    const { delta, diagnostics } = await mean([anUpdate('a', 1, [0, 4, 8]), anUpdate('b', 3, [4, 0, 0])])
    expect(delta.get('weight')).toEqual(Float32Array.of(3, 1))
    expect(diagnostics).toEqual({ sites: 2, samples: 4, norm: Math.sqrt(10) })
  })

  test('averages statistics with the same weights', async () => {
    const { delta } = await mean([anUpdate('a', 1, [0, 0, 8]), anUpdate('b', 3, [0, 0, 0])])
    expect(delta.get('running_mean')).toEqual(Float32Array.of(2))
  })

  test('is the oracle of scalar loops', async () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 })
    const site = fc.tuple(fc.integer({ min: 1, max: 10_000 }), value, value, value)
    await fc.assert(
      fc.asyncProperty(fc.array(site, { minLength: 1, maxLength: 8 }), async (sites) => {
        const updates = sites.map(([samples, ...values], i) => anUpdate(`site-${i}`, samples, values))
        const { delta } = await mean(updates)
        const total = sites.reduce((sum, [samples]) => sum + samples, 0)
        const want = [0, 1].map(
          (i) => sites.reduce((sum, [samples, ...values]) => sum + samples * (values[i] ?? 0), 0) / total,
        )
        expect(delta.get('weight')).toEqual(Float32Array.from(want))
      }),
    )
  })

  test('a weight below the samples counts as the weight', async () => {
    const held = { ...anUpdate('a', 1000, [10, 0, 0]), weight: 1 }
    const { delta, diagnostics } = await mean([held, anUpdate('b', 1, [0, 0, 0])])
    expect(delta.get('weight')).toEqual(Float32Array.of(5, 0))
    expect(diagnostics.samples).toBe(1001)
  })
})
