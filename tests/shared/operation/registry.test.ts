import { createMetrics } from '@tessera/shared/operation'
import { expect, test } from 'vitest'

const DECLARED = {
  some_total: { type: 'counter', labels: ['code'], help: 'Some.' },
  some_seconds: { type: 'histogram', labels: [], buckets: [1, 2], help: 'Time.' },
  level: { type: 'gauge', labels: [], help: 'A level.' },
  levels: { type: 'gauge', labels: ['site'], help: 'Levels.' },
} as const

const values = async (metrics: { text(): Promise<string> }) =>
  (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))

test('createMetrics() begins with no value of a gauge: none is not zero', async () => {
  const metrics = createMetrics(DECLARED)
  expect((await values(metrics)).filter((line) => line.startsWith('level'))).toEqual([])
  metrics.set('level', 0)
  expect(await values(metrics)).toContain('level 0')
})

test('counts, observes, and forgets what was cleared; two of them do not count together', async () => {
  const [metrics, other] = [createMetrics(DECLARED), createMetrics(DECLARED)]
  metrics.add('some_total', 2, { code: 'a"b\n' })
  metrics.observe('some_seconds', 1.5)
  metrics.set('levels', 1, { site: 'north' })
  expect(await values(metrics)).toEqual([
    'some_total{code="a\\"b\\n"} 2',
    'some_seconds_bucket{le="1"} 0',
    'some_seconds_bucket{le="2"} 1',
    'some_seconds_bucket{le="+Inf"} 1',
    'some_seconds_sum 1.5',
    'some_seconds_count 1',
    'levels{site="north"} 1',
  ])
  metrics.clear('levels')
  expect((await values(metrics)).filter((line) => line.startsWith('levels'))).toEqual([])
  expect((await values(other)).filter((line) => line.startsWith('some_total'))).toEqual([])
})

test('a metric that is not declared with its type cannot be set', () => {
  const metrics = createMetrics(DECLARED)
  expect(() => metrics.set('some_total', 1)).toThrow(
    'internal: metric some_total must be declared with this type',
  )
})
