import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { links, parseRoute, STUDY_TABS } from '../../../dashboard/coordinator/route.ts'

describe('parseRoute()', () => {
  test.each([
    ['', { view: 'overview' }],
    ['#/', { view: 'overview' }],
    ['#/sites', { view: 'sites' }],
    ['#/new-study', { view: 'new-study' }],
    ['#/studies/colon', { view: 'study', study: 'colon', tab: 'round' }],
    ['#/studies/colon/ledger', { view: 'study', study: 'colon', tab: 'ledger' }],
    ['#/studies/colon/nothing', { view: 'unknown' }],
    ['#/studies', { view: 'unknown' }],
    ['#/studies/colon/ledger/more', { view: 'unknown' }],
    ['#/%E0%A4%A', { view: 'unknown' }],
  ])('%s', (hash, route) => expect(parseRoute(hash)).toEqual(route))
  test('reads every link that the page writes', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.constantFrom(...STUDY_TABS), (name, tab) => {
        expect(parseRoute(links.study(name, tab))).toEqual({ view: 'study', study: name, tab })
        expect(parseRoute(links.site(name))).toEqual({ view: 'site', site: name })
      }),
    )
  })
})
