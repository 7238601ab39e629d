import { COORDINATOR_METRICS } from '@tessera/coordinator/operation'
import type { Declarations } from '@tessera/shared/operation'
import { AGENT_METRICS } from '@tessera/site-agent/operation'
import { expect, test } from 'vitest'
import { page, tableRows } from '../support/markdown.ts'

const rowsOf = (declarations: Declarations): string[][] =>
  Object.entries(declarations).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])

test.each([
  ['## The coordinator', COORDINATOR_METRICS],
  ["## A site's agent", AGENT_METRICS],
] as const)(
  'docs/metrics.md has one row a metric, in the order of the source: %s',
  (heading, declarations) => {
    expect(tableRows(page('docs/metrics.md'), heading)).toEqual(rowsOf(declarations))
  },
)

test('names have their unit, and counters end in _total', () => {
  for (const [name, { type }] of Object.entries({ ...COORDINATOR_METRICS, ...AGENT_METRICS })) {
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    if (type === 'histogram') expect(name).toMatch(/_seconds$/)
  }
})
