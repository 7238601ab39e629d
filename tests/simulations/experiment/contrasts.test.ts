import { describe, expect, test } from 'vitest'
import { contrasts, contrastTable } from '../../../simulations/experiment/contrasts.ts'
import { summaries } from '../../../simulations/experiment/summary.ts'
import { row } from '../../support/experiment-results.ts'

const arm = (method: string, rights: readonly number[], fields: object = {}) =>
  rights.map((right, i) => row(right, { kind: 'federated', method, seed: `${i + 1}`, ...fields }))

describe('contrasts()', () => {
  const cells = [...arm('ce', [6, 5, 7]), ...arm('kd', [8, 7, 9]), ...arm('moma', [8, 8, 9])]

  test('takes each arm against the reference, seed by seed', () => {
    const [ce, kd] = contrasts(summaries(cells), 'moma')
    // Differences -0.2, -0.3, -0.2: mean -0.2333, deviation 0.0577, t(0.975, 2) = 4.303.
    expect(ce).toMatchObject({ arm: 'federated ce', reference: 'federated moma', seeds: 3 })
    expect(ce?.difference).toBeCloseTo(-0.7 / 3, 12)
    expect(ce?.high).toBeCloseTo(-0.7 / 3 + (4.3027 * 0.057735) / Math.sqrt(3), 4)
    // t = -7 with two degrees of freedom: scipy.stats.ttest_rel gives 0.0198; of two tests the smaller counts twice.
    expect(ce?.p).toBeCloseTo(0.0198, 4)
    expect(ce?.adjustedP).toBeCloseTo(0.0396, 3)
    expect(kd?.difference).toBeCloseTo(-0.1 / 3, 12)
    expect(kd?.adjustedP).toBeCloseTo(kd?.p ?? Number.NaN, 12)
  })

  test('pairs by the name of the seed, whatever their order, and leaves out what one has alone', () => {
    const [ce] = contrasts(summaries([...arm('ce', [6, 5]).toReversed(), ...arm('moma', [8, 8, 9])]), 'moma')
    expect(ce?.seeds).toBe(2)
    expect(ce?.difference).toBeCloseTo(-0.25, 12)
  })

  test('takes the central reference where nothing is federated, and says nothing where there is none', () => {
    const central = { kind: 'central', split: 'iid' }
    const found = contrasts(
      summaries([...arm('ce', [6, 5], central), ...arm('moma', [8, 8], central), ...arm('ce', [6, 5])]),
      'moma',
    )
    expect(found.map(({ arm: name, reference }) => [name, reference])).toEqual([
      ['central ce', 'central moma'],
    ])
  })

  test('is a table of points and probabilities; one seed has neither interval nor test', () => {
    expect(contrastTable(contrasts(summaries(cells), 'moma')).split('\n')).toEqual([
      `${'folder, 2 sites: accuracy against federated moma'.padEnd(62)}        points         p      Holm`,
      `${'  federated ce (3)'.padEnd(62)}  -23.3 ± 14.3     0.020     0.040`,
      `${'  federated kd (3)'.padEnd(62)}   -3.3 ± 14.3     0.423     0.423`,
    ])
    expect(contrastTable(contrasts(summaries([...arm('ce', [6]), ...arm('moma', [8])]), 'moma'))).toMatch(
      /ce \(1\) +-20\.0 +– +–$/,
    )
  })
})
