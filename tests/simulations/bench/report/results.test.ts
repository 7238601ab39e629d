import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeMachine } from '../../../../simulations/bench/report/machine.ts'
import {
  contestResult,
  type Results,
  results,
  writeResults,
} from '../../../../simulations/bench/report/results.ts'
import { contestTable } from '../../../../simulations/bench/report/table.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const base = { versions: {}, startSeconds: 1, warmUpLosses: [2], stepPeakBytes: null }
const performances = [
  { ...base, name: 'wasm', slots: [[1, 1], [2], [4]], peakBytes: 300e6 },
  { ...base, name: 'torch', slots: [[0.5], [0.5], [4]], peakBytes: 600e6 },
  { ...base, name: 'torch-compile', slots: [[0.25], [1], [1]], peakBytes: 1200e6 },
]
const contest = contestResult('16×128²', 16, performances, ['torch', 'torch-compile'])

describe('contestResult()', () => {
  test('has each contender’s images a second, over all rounds', () => {
    expect(contest.contenders.map(({ name, rate }) => [name, rate])).toEqual([
      ['wasm', { median: 8, min: 4, max: 16 }],
      ['torch', { median: 32, min: 4, max: 32 }],
      ['torch-compile', { median: 16, min: 16, max: 64 }],
    ])
  })
  test('has ratios of ours to each of PyTorch’s, round by round, and of the memory', () => {
    expect(contest.ratios).toEqual([
      { of: 'wasm', to: 'torch', speed: { median: 0.5, min: 0.25, max: 1 }, memory: 0.5 },
      { of: 'wasm', to: 'torch-compile', speed: { median: 0.25, min: 0.25, max: 0.5 }, memory: 0.25 },
    ])
  })
})

describe('contestTable()', () => {
  test('prints rates, memory in MB and ratios', () => {
    expect(contestTable(contest, 'images', { torch: 'PyTorch eager' })).toBe(
      [
        '16×128²                   images/s     best   peak MB',
        '  wasm                        8.00     16.0       300',
        '  PyTorch eager               32.0     32.0       600',
        '  torch-compile               16.0     64.0      1200',
        '  wasm to PyTorch eager: 0.50 × the speed (0.25 to 1.00), 0.50 × the memory',
        '  wasm to torch-compile: 0.25 × the speed (0.25 to 0.50), 0.25 × the memory',
        '',
      ].join('\n'),
    )
  })
  test('says how long a step waited for its data', () => {
    const fed = contestResult(
      '16×128²',
      16,
      [{ ...base, name: 'fed', slots: [[1]], peakBytes: 1, waitedShare: 0.0425 }],
      [],
    )
    expect(contestTable(fed, 'images', {})).toContain('waits for data 4.3 %')
  })
})

describe('the results file', () => {
  const file: Results = {
    format: 'tessera-bench',
    version: 1,
    kind: 'engine',
    date: '2026-11-25T00:00:00.000Z',
    machine: describeMachine(),
    settings: { threads: 2 },
    contests: [contest],
  }
  test('is written with its folder, and read back as it was', async () => {
    const path = join(await temporaryFolder(), 'deep', 'engine.json')
    await writeResults(path, file)
    expect(results.parse(JSON.parse(await readFile(path, 'utf8')))).toEqual(file)
  })
  test.each([
    ['without a machine', { ...file, machine: undefined }],
    ['with a contest of nobody', { ...file, contests: [{ ...contest, contenders: [] }] }],
    [
      'with a rate of 0',
      {
        ...file,
        contests: [
          { ...contest, contenders: [{ ...contest.contenders[0], rate: { median: 0, min: 0, max: 0 } }] },
        ],
      },
    ],
    ['with a field that nobody knows', { ...file, note: 'fast' }],
  ])('%s is refused', (_, wrong) => {
    expect(results.safeParse(wrong).success).toBe(false)
  })
  test('describes the machine without naming it', () => {
    expect(Object.keys(file.machine).toSorted()).toEqual([
      'cores',
      'cpu',
      'load',
      'memoryBytes',
      'node',
      'os',
      'vectors',
    ])
    expect(file.machine.cores).toBeGreaterThan(0)
  })
})
