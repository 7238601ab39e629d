import { describe, expect, test } from 'vitest'
import { ownProcess } from '../../../../simulations/bench/contenders.ts'
import { startContender } from '../../../../simulations/bench/contest/contender.ts'
import { measureAggregation } from '../../../../simulations/bench/verbs/aggregation.ts'

describe('measureAggregation()', () => {
  test('wants the packages of its peer before it writes a delta', async () => {
    const flags = { updates: [2], floats: 1000, encoding: 'f32', rounds: 1, python: '/nowhere/python' }
    await expect(measureAggregation(flags)).rejects.toMatchObject({ code: 'ERR_BENCH_PEER' })
  })
})

test.each([
  ['mean', 'int8'],
  ['median', 'f32'],
])('our contender combines a %s of %s deltas, as many times as it is asked', async (rule, encoding) => {
  const args = ['--updates', '3', '--floats', '70000', '--rule', rule, '--encoding', encoding]
  const contender = await startContender(ownProcess('tessera', 'aggregation', args, 2), 60_000)
  try {
    expect((await contender.run(2)).seconds).toHaveLength(2)
  } finally {
    await contender.stop()
  }
})
