/** @file What every aggregation strategy must do, run on each one. A new strategy adds a row to STRATEGIES. */
import type { Layout, Weights } from '@tessera/shared/model'
import type { Strategy } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aggregation, type SentDelta } from '../support/aggregated.ts'

const LAYOUT: Layout = {
  architecture: 'conformance',
  tensors: [
    { name: 'weight', shape: [2, 3], kind: 'trainable' },
    { name: 'queue', shape: [5], kind: 'local-only' },
    { name: 'running_var', shape: [2], kind: 'statistic' },
    { name: 'steps', shape: [], kind: 'counter' },
    { name: 'last', shape: [3], kind: 'local-only' },
  ],
}

/** `means`: the step lies within the sites' deltas, and is what they agree on. */
const STRATEGIES: readonly [Strategy, text: string, { means: boolean }][] = [
  [{ name: 'fedavg' }, 'fedavg', { means: true }],
  [
    { name: 'fedavgm', learningRate: 0.7, momentum: 0.9, nesterov: true },
    'fedavgm learningRate=0.7 momentum=0.9 nesterov=true',
    { means: false },
  ],
  [
    { name: 'fedadam', learningRate: 0.01, beta1: 0.9, beta2: 0.99, tau: 0.001 },
    'fedadam learningRate=0.01 beta1=0.9 beta2=0.99 tau=0.001',
    { means: false },
  ],
  [
    { name: 'fedyogi', learningRate: 0.01, beta1: 0.9, beta2: 0.99, tau: 0.001 },
    'fedyogi learningRate=0.01 beta1=0.9 beta2=0.99 tau=0.001',
    { means: false },
  ],
  [{ name: 'fedprox', mu: 0.01 }, 'fedprox mu=0.01', { means: true }],
  [{ name: 'moon', mu: 1, temperature: 0.5 }, 'moon mu=1 temperature=0.5', { means: true }],
  [{ name: 'fedbn' }, 'fedbn', { means: true }],
  [{ name: 'median' }, 'median', { means: true }],
  [{ name: 'trimmed-mean', trim: 0.2 }, 'trimmed-mean trim=0.2', { means: true }],
]

function anUpdate(site: string, values: readonly number[], samples = 1): SentDelta {
  const value = (i: number): number => values[i % values.length] ?? 0
  const delta: Weights = new Map([
    ['weight', Float32Array.from({ length: 6 }, (_, i) => value(i))],
    ['running_var', Float32Array.from({ length: 2 }, (_, i) => value(i))],
    ['steps', Float32Array.of(Math.round(value(0)))],
  ])
  return { site, samples, delta }
}
const federated = (weights: Weights): Weights =>
  new Map(['weight', 'running_var', 'steps'].map((name) => [name, weights.get(name) ?? new Float32Array()]))

const begun = (strategy: Strategy, options: Parameters<typeof aggregation>[2] = {}) =>
  aggregation(LAYOUT, { strategy, guards: { adaptiveNorm: 'off' } }, options)

describe.each(STRATEGIES)('%j', (strategy, text) => {
  const of = (options: Parameters<typeof aggregation>[2] = {}) => begun(strategy, options)
  const apply = async (updates: readonly SentDelta[]) => (await of()).round(updates)

  test('has name and settings in the text of the record', async () => {
    expect((await apply([anUpdate('a', [1])])).strategy).toBe(text)
  })

  test('leaves what is local-only as it is in the base', async () => {
    const base = new Map(
      LAYOUT.tensors.map(({ name, shape }, i) => [
        name,
        new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(i + 0.5),
      ]),
    )
    const { student } = await (await of({ base })).round([anUpdate('a', [1])])
    expect([student.get('queue'), student.get('last')]).toEqual([base.get('queue'), base.get('last')])
  })

  test('the same updates in any order give the same bytes, in a second round too', async () => {
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })
    const site = fc.tuple(fc.array(finite, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 1000 }))
    const several = fc.array(site, { minLength: 1, maxLength: 7 })
    const shuffled = several.chain((sites) => {
      const updates = sites.map(([values, samples], i) => anUpdate(`site-${i}`, values, samples))
      return fc.tuple(fc.constant(updates), fc.shuffledSubarray(updates, { minLength: updates.length }))
    })
    await fc.assert(
      fc.asyncProperty(shuffled, async ([updates, permuted]) => {
        const [one, other] = [await of(), await of()]
        expect((await one.round(updates)).sha256).toBe((await other.round(permuted)).sha256)
        const [again, still] = [await one.round(permuted), await other.round(updates)]
        expect([again.sha256, again.state]).toEqual([still.sha256, still.state])
      }),
      { numRuns: 4 },
    )
  })

  test('a round computed twice from the same state has the same bytes and the same state', async () => {
    const run = await of({ keepBase: true })
    const updates = ['a', 'b', 'c'].map((site, i) => anUpdate(site, [1 / (i + 3), Math.PI * i], i + 1))
    const first = await run.round(updates)
    const other = await (await of({ keepBase: true })).round(updates)
    expect([other.sha256, other.state]).toEqual([first.sha256, first.state])
  })

  test('does not move statistics: they get the combined value itself', async () => {
    const { student } = await apply([anUpdate('a', [2]), anUpdate('b', [2])])
    expect(student.get('running_var')).toEqual(Float32Array.of(2, 2))
  })

  test('takes the largest counter, never the mean', async () => {
    const updates = [anUpdate('a', [10], 100), anUpdate('b', [-4], 1), anUpdate('c', [3], 1)]
    expect((await apply(updates)).student.get('steps')).toEqual(Float32Array.of(10))
    const negative = await apply([anUpdate('a', [-4]), anUpdate('b', [-7])])
    expect(negative.student.get('steps')).toEqual(Float32Array.of(-4))
  })

  test('refuses a round without updates: ERR_ROUND_EMPTY', async () => {
    await expect(apply([])).rejects.toMatchObject({ code: 'ERR_ROUND_EMPTY' })
  })
})

describe.each(STRATEGIES.filter(([, , { means }]) => means))('%j, a mean of a kind,', (strategy) => {
  const apply = async (updates: readonly SentDelta[]) => (await begun(strategy)).round(updates)

  test('one site alone gets what it sent, and sites that agree what they agree on', async () => {
    const update = anUpdate('a', [0.5, -2, 3], 7)
    const alone = await apply([update])
    expect(federated(alone.student)).toEqual(update.delta)
    expect(alone.diagnostics).toMatchObject({ sites: 1, samples: 7, clipped: [] })
    const sites = ['a', 'b', 'c'].map((site, i) => anUpdate(site, [0.25, -1], i + 1))
    expect(federated((await apply(sites)).student)).toEqual(sites[0]?.delta)
  })

  test('stays within the sites, element by element', async () => {
    const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })
    const site = fc.tuple(fc.array(finite, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 1000 }))
    await fc.assert(
      fc.asyncProperty(fc.array(site, { minLength: 1, maxLength: 6 }), async (sites) => {
        const updates = sites.map(([values, samples], i) => anUpdate(`site-${i}`, values, samples))
        const { student } = await apply(updates)
        for (const [tensor, values] of federated(student)) {
          for (const [i, value] of values.entries()) {
            const sent = updates.map((update) => update.delta.get(tensor)?.[i] ?? 0)
            // float64 sums, rounded to float32 at the end: half a unit of the last place of the largest.
            const slack = 1e-6 * Math.max(...sent.map(Math.abs))
            expect(value).toBeGreaterThanOrEqual(Math.min(...sent) - slack)
            expect(value).toBeLessThanOrEqual(Math.max(...sent) + slack)
          }
        }
      }),
      { numRuns: 4 },
    )
  })
})
