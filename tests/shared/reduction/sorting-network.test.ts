import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sortingNetwork } from '../../../shared/reduction/sorting-network.ts'

function sortedBy(pairs: readonly [number, number][], values: readonly number[]): number[] {
  const lines = [...values]
  for (const [i, j] of pairs) {
    const [a = 0, b = 0] = [lines[i], lines[j]]
    lines[i] = Math.min(a, b)
    lines[j] = Math.max(a, b)
  }
  return lines
}

describe('sortingNetwork()', () => {
  test('sorts every row of zeros and ones up to 12 lines, and so everything (the zero-one principle)', () => {
    for (let lines = 1; lines <= 12; lines++) {
      const pairs = sortingNetwork(lines)
      for (let bits = 0; bits < 2 ** lines; bits++) {
        const values = Array.from({ length: lines }, (_, i) => (bits >> i) & 1)
        const ones = values.reduce((sum, bit) => sum + bit, 0)
        const want = values.map((_, i) => (i < lines - ones ? 0 : 1))
        if (sortedBy(pairs, values).join() !== want.join()) expect.fail(`${lines} lines, ${values.join()}`)
      }
    }
  })
  test('sorts any number of lines', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 150 }), (values) => {
        expect(sortedBy(sortingNetwork(values.length), values)).toEqual(values.toSorted((a, b) => a - b))
      }),
      { numRuns: 50 },
    )
  })
  test('has as many pairs as the doc says, none for one line', () => {
    expect([1, 2, 10, 50].map((lines) => sortingNetwork(lines).length)).toEqual([0, 1, 32, 403])
  })
})
