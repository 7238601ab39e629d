/** @file Beside pages.test.ts, so that two workers share the pages. */
import { describe, expect, test } from 'vitest'
import { PAGES, pagesToRun } from './pages.ts'
import { runPage } from './run-page.ts'

const READERS = ['contributor', 'data-owner', 'newcomer', 'operator', 'researcher', 'site-it']
/** Of a page, on two cores that others use as well. */
const LONGEST_PAGE_MS = 600_000

describe('tutorials', () => {
  test('there is one for each reader', () => {
    const names = PAGES.map(([name]) => name).filter((name) => name.startsWith('docs/tutorials/'))
    expect(names).toEqual(READERS.map((reader) => `docs/tutorials/${reader}.md`))
  })
  test.each(pagesToRun((name) => name.startsWith('docs/tutorials/')))(
    '%s: all of it ends as it should, and prints what it shows',
    (name, runnable) => runPage(name, runnable),
    LONGEST_PAGE_MS,
  )
})
