import { describe, expect, test } from 'vitest'
import { cellKey } from '../../../simulations/experiment/cell-key.ts'
import { cellsOf, variantsOf } from '../../../simulations/experiment/cells.ts'
import { experiment } from '../../../simulations/experiment/schema.ts'

const EXPERIMENT = experiment.parse({
  name: 'x',
  data: { procedural: {} },
  splits: [{ by: 'folder' }, { by: 'dirichlet', alpha: 0.5, sites: [3, 8] }],
  seeds: [1, 'two'],
  methods: { ce: { name: 'ce' }, kd: { name: 'kd' } },
  teacher: {},
  arms: [
    { kind: 'alone', methods: ['ce'] },
    { kind: 'federated', methods: ['ce', 'kd'] },
    { kind: 'central', methods: ['kd'] },
    { kind: 'teacher' },
  ],
  scenarios: [{ name: 'calm' }, { name: 'cut', faults: [{ do: 'drop', sites: [0], rounds: [1] }] }],
  training: { rounds: 3 },
})

test('variantsOf() gives seeds × splits × numbers of sites', () => {
  expect(variantsOf(EXPERIMENT).map(({ name }) => name)).toEqual([
    'folder/seed-1',
    'dirichlet-0.5/3-sites/seed-1',
    'dirichlet-0.5/8-sites/seed-1',
    'folder/seed-two',
    'dirichlet-0.5/3-sites/seed-two',
    'dirichlet-0.5/8-sites/seed-two',
  ])
})

test('cellsOf() gives each site alone, each scenario to the federations, and every cell a name of its own', () => {
  const [variant] = variantsOf(EXPERIMENT)
  if (variant === undefined) throw new Error('no variant')
  expect(cellsOf(EXPERIMENT, variant, ['a', 'b']).map(({ name }) => name)).toEqual([
    'folder/seed-1/alone/ce/a',
    'folder/seed-1/alone/ce/b',
    'folder/seed-1/federated/ce',
    'folder/seed-1/federated/ce/cut',
    'folder/seed-1/federated/kd',
    'folder/seed-1/federated/kd/cut',
    'folder/seed-1/central/kd',
    'folder/seed-1/teacher',
  ])
})

describe('cellKey()', () => {
  test('does not hang on the order of fields, nor on those that say nothing', () => {
    expect(cellKey({ a: 1, b: { c: [1, 2], d: null } })).toBe(
      cellKey({ b: { d: null, c: [1, 2], e: undefined }, a: 1 }),
    )
  })
  test('is another for another value, and for another order of a list', () => {
    const keys = [{ a: [1, 2] }, { a: [2, 1] }, { a: [12] }, { a: '1,2' }, { b: [1, 2] }].map(cellKey)
    expect(new Set(keys).size).toBe(keys.length)
  })
})
