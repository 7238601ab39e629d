import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parseExperiment, readExperiment } from '../../../simulations/experiment/read.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const EXPERIMENTS = fileURLToPath(new URL('../../../simulations/experiments/', import.meta.url))

const text = (changes: object = {}): string =>
  JSON.stringify({
    name: 'x',
    data: { folders: [{ dir: '$DATA/tiles' }] },
    splits: [{ by: 'folder' }],
    seeds: [1],
    methods: { ce: { name: 'ce' }, kd: { name: 'kd' } },
    arms: [{ kind: 'central', methods: ['ce'] }],
    training: { rounds: 3 },
    ...changes,
  })
const fault = (changes: object): unknown => {
  try {
    return parseExperiment(text(changes))
  } catch (thrown) {
    return (thrown as Error).message
  }
}

describe('parseExperiment()', () => {
  test('fills in the defaults of a study and of its own', () => {
    const { training, federation, scenarios, transport, threads } = parseExperiment(text())
    expect(training).toMatchObject({ rounds: 3, epochsPerRound: 1, batchSize: 64 })
    expect([federation, scenarios, transport, threads]).toEqual([
      {},
      [{ name: 'calm', faults: [], training: {}, federation: {} }],
      'memory',
      1,
    ])
  })
  test('a scenario says only what it changes', () => {
    const { scenarios } = parseExperiment(
      text({
        scenarios: [
          { name: 'median', training: { rounds: 9 }, federation: { strategy: { name: 'median' } } },
        ],
      }),
    )
    expect(scenarios[0]).toMatchObject({
      training: { rounds: 9 },
      federation: { strategy: { name: 'median' } },
    })
    expect(Object.keys(scenarios[0]?.training ?? {})).toEqual(['rounds'])
    expect(Object.keys(scenarios[0]?.federation ?? {})).toEqual(['strategy'])
  })
  test.each([
    [
      'a misspelt field',
      { sedes: [1] },
      'experiment must fit its schema, got its fields: Unrecognized key: "sedes"',
    ],
    [
      'early stopping: its students are judged on test tiles',
      { training: { rounds: 2, earlyStopping: {} } },
      'experiment must fit its schema, got training: Unrecognized key: "earlyStopping"',
    ],
    [
      'a method that is not there',
      { arms: [{ kind: 'central', methods: ['moma'] }] },
      'experiment must name methods that it has in its arms, got moma',
    ],
    [
      'a method without its teacher',
      { arms: [{ kind: 'central', methods: ['kd'] }] },
      'experiment must have a teacher for kd, got none',
    ],
    [
      'a network beside the file that says which it is',
      { student: { start: 'x.safetensors', name: 'resnet-18' } },
      'experiment must fit its schema, got student: must have start or name and multipliers: the file says which network it is',
    ],
    [
      'a reference that no arm trains',
      { reference: 'moma' },
      'experiment must have its reference in its arms, got moma',
    ],
    ['a seed that is there twice', { seeds: [1, '1'] }, 'experiment must have different seeds, got 1 twice'],
    [
      'two splits of one name',
      { splits: [{ by: 'folder' }, { by: 'folder' }] },
      'experiment must have different splits, got folder twice',
    ],
    [
      'faults in other processes',
      {
        transport: 'processes',
        scenarios: [{ name: 'cut', faults: [{ do: 'drop', sites: [0], rounds: [1] }] }],
      },
      'experiment must have its faults with transport memory or sockets, got processes',
    ],
  ])('refuses %s', (_, changes, message) => {
    expect(fault(changes)).toBe(message)
  })
  test('refuses a text that is no YAML, and one that is too large', () => {
    expect(() => parseExperiment('a: [')).toThrowError(
      expect.objectContaining({ code: 'ERR_EXPERIMENT_FILE' }),
    )
    expect(() => parseExperiment(`# ${'x'.repeat(300_000)}`)).toThrowError(/at most 262144 bytes/)
  })
})

describe('readExperiment()', () => {
  test('finds folders by the environment, or beside the file', async () => {
    const file = join(await temporaryFolder(), 'sub', 'x.yaml')
    await mkdir(dirname(file))
    await writeFile(
      file,
      text({ data: { folders: [{ dir: '$DATA/a', micronsPerPx: 0.5 }, { dir: '../b' }] } }),
    )
    const { folders } = await readExperiment(file, { DATA: '/data' })
    expect(folders).toEqual([
      { dir: '/data/a', micronsPerPx: 0.5 },
      { dir: join(dirname(file), '..', 'b'), micronsPerPx: null },
    ])
    await expect(readExperiment(file, {})).rejects.toMatchObject({
      code: 'ERR_EXPERIMENT_FILE',
      message: 'experiment must find its data: give --data DIR, got none',
    })
  })
  test('finds files to start from as folders, and wants their variable', async () => {
    const file = join(await temporaryFolder(), 'x.yaml')
    const network = { start: '$WEIGHTS' }
    await writeFile(file, text({ student: { start: 'own.safetensors', dropout: 0 }, teacher: { network } }))
    const { startFiles } = await readExperiment(file, { DATA: '/data', WEIGHTS: '/weights.safetensors' })
    expect(startFiles).toEqual({
      student: join(dirname(file), 'own.safetensors'),
      teacher: '/weights.safetensors',
    })
    await expect(readExperiment(file, { DATA: '/data' })).rejects.toMatchObject({
      message: 'experiment must find its data: give environment variable WEIGHTS, got none',
    })
  })
  test('reads every experiment of the project, none of which names a folder of one machine', async () => {
    const names = await readdir(EXPERIMENTS)
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) {
      const places = { DATA: '/data', WEIGHTS: '/weights.safetensors' }
      const { experiment } = await readExperiment(join(EXPERIMENTS, name), places)
      expect(`${experiment.name}.yaml`).toBe(name)
      expect(await readFile(join(EXPERIMENTS, name), 'utf8')).not.toMatch(/(dir|start): *["']?\//)
    }
  })
})
