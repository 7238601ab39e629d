import { describe, expect, test } from 'vitest'
import { sortRows } from '../../../dashboard/components/sort-rows.ts'

const same = <T>(value: T): T => value

describe('sortRows()', () => {
  test('orders numbers by size and names as people count', () => {
    expect(sortRows([10, 9, 100], same, false)).toEqual([9, 10, 100])
    expect(sortRows(['site-10', 'site-9'], same, false)).toEqual(['site-9', 'site-10'])
  })
  test('puts rows without a key last either way', () => {
    expect(sortRows([null, 1, 2], same, false)).toEqual([1, 2, null])
    expect(sortRows([null, 1, 2], same, true)).toEqual([2, 1, null])
  })
  test('leaves equal rows in their order, and the argument as it is', () => {
    const rows = [
      { name: 'b', key: 1 },
      { name: 'a', key: 1 },
    ]
    expect(sortRows(rows, ({ key }) => key, true).map(({ name }) => name)).toEqual(['b', 'a'])
    expect(rows.map(({ name }) => name)).toEqual(['b', 'a'])
  })
})
