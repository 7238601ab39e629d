import { applyChange, type CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differences } from '../../../coordinator/dashboard/differences.ts'

const rows = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.record({ value: fc.nat(2) }))
/** What is in the rows is of no matter to them. */
const view = fc.record({
  number: fc.nat(),
  coordinator: fc.record({ nowMs: fc.nat(2) }),
  studies: rows,
  sites: rows,
  watched: fc.constant(null),
  members: rows,
}) as unknown as fc.Arbitrary<CoordinatorView>

describe('differences()', () => {
  test('are what makes the next view of the one before, and nothing when they are the same', () => {
    fc.assert(
      fc.property(view, view, (before, next) => {
        const change = differences(before, next)
        const made = change === null ? before : applyChange(before, change)
        expect({ ...made, number: 0 }).toEqual({ ...next, number: 0 })
      }),
    )
  })

  test('have the rows that changed, and no others', () => {
    const before = { number: 3, studies: {}, sites: { a: { value: 1 }, b: { value: 1 } }, members: {} }
    const next = { ...before, sites: { a: { value: 1 }, b: { value: 2 } } }
    expect(differences(before as unknown as CoordinatorView, next as unknown as CoordinatorView)).toEqual({
      number: 4,
      sites: { set: { b: { value: 2 } } },
    })
  })
})
