import { method } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { page, tableRows } from '../support/markdown.ts'

describe('docs/methods.md', () => {
  test('has a row for each method that a study can name, and no other', () => {
    // The page has other tables, of fewer columns.
    const rows = tableRows(page('docs/methods.md'), '# Methods: what a site minimises')
    const named = rows.flatMap(([name = '', ...rest]) =>
      rest.length === 5 ? [name.replaceAll('`', '')] : [],
    )
    const known = method.options.map(({ shape }) => shape.name.value)
    expect(named.toSorted()).toEqual(known.toSorted())
  })
})
