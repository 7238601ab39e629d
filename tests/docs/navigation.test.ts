import { describe, expect, test } from 'vitest'
import { CHAPTERS, isListedElsewhere } from '../../docs/build/navigation.ts'
import { markdownPages, page } from '../support/markdown.ts'

const placed = CHAPTERS.flatMap(({ pages }) => pages)

describe('navigation of the site', () => {
  test('has a place for every page, and for none twice', () => {
    expect(placed.toSorted()).toEqual(
      markdownPages()
        .filter((name) => !isListedElsewhere(name))
        .toSorted(),
    )
  })
  test('every decision is in their list', () => {
    const list = page('docs/decisions/README.md')
    const decisions = markdownPages().filter(isListedElsewhere)
    expect(decisions.length).toBeGreaterThan(20)
    expect(decisions.filter((name) => !list.includes(`(${name.split('/').at(-1)})`))).toEqual([])
  })
})
