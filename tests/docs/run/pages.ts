/** @file The pages that have commands, and which of them this run tries. */
import { markdownPages, page } from '../../support/markdown.ts'
import { type RunnablePage, readPage } from './page.ts'

export const PAGES: readonly (readonly [string, RunnablePage])[] = markdownPages().map((name) => [
  name,
  read(name),
])

/** Pages with a command that is run; unless all are wanted (`npm run docs:run`), the one of them that takes seconds. */
export function pagesToRun(isWanted: (name: string) => boolean): [string, RunnablePage][] {
  return PAGES.filter(
    ([name, { steps }]) =>
      isWanted(name) &&
      (process.env.TESSERA_DOCS === 'all' || name === 'docs/rounds.md') &&
      steps.some(({ commands }) => commands.some(({ isSkipped }) => !isSkipped)) &&
      // Slides are read by a library of the system, that CI has.
      (process.env.TESSERA_SLIDES === '1' || name !== 'docs/slides.md'),
  ).map(([name, runnable]) => [name, runnable])
}

function read(name: string): RunnablePage {
  try {
    return readPage(page(name))
  } catch (cause) {
    throw new Error(`${name}: ${String(cause)}`, { cause })
  }
}
