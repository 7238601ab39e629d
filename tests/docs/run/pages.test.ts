import { describe, expect, test } from 'vitest'
import { PAGES, pagesToRun } from './pages.ts'
import { runPage } from './run-page.ts'

/** Of a page, on two cores that others use as well. */
const LONGEST_PAGE_MS = 600_000

describe('commands of the pages', () => {
  test('are there, and most of them are run', () => {
    const commands = PAGES.flatMap(([, { steps }]) => steps.flatMap(({ commands }) => commands))
    expect(commands.length).toBeGreaterThan(120)
    expect(commands.filter(({ isSkipped }) => !isSkipped).length).toBeGreaterThan(commands.length / 2)
  })
  test.each(pagesToRun((name) => !name.startsWith('docs/tutorials/')))(
    '%s: all end as they should',
    (name, runnable) => runPage(name, runnable),
    LONGEST_PAGE_MS,
  )
})
