import { startEngine } from '@tessera/shared/engine'
import { runMomaCase } from '@tessera/site-agent/distill'
import { beforeAll, describe, expect, test } from 'vitest'
import type { CaseFile } from '../../../cli/verify/case-file.ts'
import { compareCase } from '../../../cli/verify/compare.ts'
import { momaCase } from '../../site-agent/distill/reference-case.ts'

beforeAll(async () => {
  await startEngine({ engine: 'wasm' })
})

/** A case that expects what is computed, but for `change`. */
function caseFile(name: string, change: (value: number, index: number) => number): CaseFile {
  const given = momaCase([name])
  const data = (runMomaCase(given).get(name) ?? new Float32Array()).map(change)
  return { ...given, kind: 'moma-step', wanted: new Map([[name, { shape: [data.length], data }]]) }
}

describe('compareCase()', () => {
  test('finds no difference to its own numbers', async () => {
    expect(await compareCase(caseFile('query', (v) => v))).toEqual([
      { name: 'query', shape: [12], absolute: 0, relative: 0, limit: 1e-4, passes: true },
    ])
  })

  test('is relative to the tensor’s largest magnitude', async () => {
    const [difference] = await compareCase(caseFile('query', (v, i) => (i === 3 ? v + 1 : v)))
    const largest = Math.max(
      ...(caseFile('query', (v, i) => (i === 3 ? v + 1 : v))
        .wanted.get('query')
        ?.data.map(Math.abs) ?? []),
    )
    expect(difference?.absolute).toBeCloseTo(1, 6)
    expect(difference?.relative).toBeCloseTo(1 / largest, 6)
    expect(difference?.passes).toBe(false)
  })

  test.each([
    ['query', 5e-5, true],
    ['query', 2e-4, false],
    ['loss.total', 5e-6, true],
    ['loss.total', 2e-5, false],
  ])('%s off by %d of its size passes: %s', async (name, share, passes) => {
    const [difference] = await compareCase(caseFile(name, (v) => v * (1 + share)))
    expect(difference?.passes).toBe(passes)
  })

  test('lets no NaN pass, on either side', async () => {
    const [difference] = await compareCase(caseFile('query', (v, i) => (i === 0 ? Number.NaN : v)))
    expect(difference).toMatchObject({
      absolute: Number.POSITIVE_INFINITY,
      passes: false,
    })
  })

  test('refuses a depth that would fill the memory before the parameters are looked at', async () => {
    const file = caseFile('query', (v) => v)
    for (const depthMultiplier of [1e9, '9']) {
      const deep = {
        ...file,
        kind: 'forward',
        config: { architecture: 'efficientnet-b0', mode: 'eval', depthMultiplier },
      }
      await expect(compareCase(deep)).rejects.toThrow(
        `config.depthMultiplier must be at most 4, got ${depthMultiplier}`,
      )
    }
  })

  test('refuses another kind, nothing expected, and a tensor of another size', async () => {
    const file = caseFile('query', (v) => v)
    await expect(compareCase({ ...file, kind: 'toString' })).rejects.toThrow(
      'kind must be one of forward, feature-maps, moma-step, train-steps, got "toString"',
    )
    await expect(compareCase({ ...file, wanted: new Map(), expected: [] })).rejects.toThrow(
      'case must expect at least one tensor',
    )
    const short = new Map([['query', { shape: [1], data: Float32Array.of(1) }]])
    await expect(compareCase({ ...file, wanted: short })).rejects.toThrow(
      'expect.query must have 12 values, got 1',
    )
  })
})
