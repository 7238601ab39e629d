import { describe, expect, test } from 'vitest'
import { expectNamesTest, page, tableRows } from '../support/markdown.ts'

const rows = tableRows(page('docs/threat-model.md'), '# Threat model')

describe('docs/threat-model.md', () => {
  test('has rows for five actors, and owns what nothing stops', () => {
    expect(rows.length).toBeGreaterThan(25)
    for (const [, stops = '', shown] of rows) {
      if (shown === 'none') expect(stops).toMatch(/\*\*(not |possible)/)
    }
    expect(rows.filter(([, , shown]) => shown === 'none').length).toBeGreaterThan(4)
  })
  test.each(rows.filter(([, , shown]) => shown !== 'none'))(
    '%s: %s is shown by a test',
    (_wants, _stops, shown = '') => expectNamesTest(shown),
  )
})
