import { method } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { page, tableRows } from '../support/markdown.ts'

describe('docs/methods.md', () => {
  test('has a row for each method that a study can name, and no other', () => {
    const rows = tableRows(page('docs/methods.md'), '# Methods: what a site minimises')
    const named = rows.flatMap(([name = '']) => (name.startsWith('`') ? [name.replaceAll('`', '')] : []))
    const known = method.options.map(({ shape }) => shape.name.value)
    expect(named.toSorted()).toEqual(known.toSorted())
  })
})
