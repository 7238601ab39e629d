import { readdirSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CHAPTERS, headingId, isListedElsewhere } from '../../docs/build/navigation.ts'
import { markdownPages, page } from '../support/markdown.ts'

const placed = CHAPTERS.flatMap(({ pages }) => pages)

/** A page's links to files of the project, seen from its root. */
function linksOf(name: string): { path: string; heading: string }[] {
  return [...page(name).matchAll(/\]\(([^)#:\s]*)(?:#([^)\s]+))?\)/g)]
    .filter(([, link = '', heading = '']) => link !== '' || heading !== '')
    .map(([, link = '', heading = '']) => ({
      path: link === '' ? name : posix.join(posix.dirname(name), link),
      heading,
    }))
}

function headingsOf(name: string): string[] {
  return [...page(name).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => headingId(text))
}

describe('navigation of the site', () => {
  test('has a place for every page, and for none twice', () => {
    expect(placed.toSorted()).toEqual(
      markdownPages()
        .filter((name) => !isListedElsewhere(name))
        .toSorted(),
    )
  })
  test('has every heading that a link leads to', () => {
    const wrong = markdownPages().flatMap((name) =>
      linksOf(name)
        .filter(({ path, heading }) => heading !== '' && !headingsOf(path).includes(heading))
        .map(({ path, heading }) => `${name}: ${path}#${heading}`),
    )
    expect(wrong).toEqual([])
  })
  test('shows every picture that is there, and has every one that it shows', () => {
    const shown = markdownPages().flatMap((name) => linksOf(name).filter(({ path }) => path.endsWith('.png')))
    const there = readdirSync(new URL('../../docs/images/', import.meta.url))
    expect([...new Set(shown.map(({ path }) => path))].toSorted()).toEqual(
      there.map((name) => `docs/images/${name}`).toSorted(),
    )
  })
  test('every decision is in their list', () => {
    const list = page('docs/decisions/README.md')
    const decisions = markdownPages().filter(isListedElsewhere)
    expect(decisions.length).toBeGreaterThan(20)
    expect(decisions.filter((name) => !list.includes(`(${name.split('/').at(-1)})`))).toEqual([])
  })
})
