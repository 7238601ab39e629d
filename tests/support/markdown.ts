/** @file Reads tables out of a page of documentation. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Text of a page by its path from the project's root. */
export function page(path: string): string {
  return readFileSync(`${root}${path}`, 'utf8')
}

/** Paths of all pages of the project, from its root. */
export function markdownPages(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
    cwd: root,
    encoding: 'utf8',
  })
  return listed.split('\n').filter((name) => name !== '')
}

/** Asserts that `cell` is `FILE: NAME` of a test that is there: its name, or that of one of its cases, is a text of its own in the file. */
export function expectNamesTest(cell: string): void {
  const [, file = '', name = ''] = /^(tests\/\S+\.test\.ts): (.+)$/.exec(cell) ?? []
  expect(existsSync(`${root}${file}`) && file, cell).toBeTruthy()
  const source = readFileSync(`${root}${file}`, 'utf8')
  expect(
    ["'", '"', '`'].some((quote) => source.includes(`${quote}${name}${quote}`)),
    cell,
  ).toBe(true)
}

/** Rows of every table below `heading`, up to the next heading of its rank or a higher one; the head of a table is not a row. */
export function tableRows(markdown: string, heading: string): string[][] {
  const rank = heading.match(/^#+/)?.[0].length ?? 0
  const lines = markdown.split('\n')
  const start = lines.indexOf(heading)
  if (start === -1) throw new Error(`page must have the heading ${heading}`)
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => (line.match(/^#+(?= )/)?.[0].length ?? Infinity) <= rank)
  const section = end === -1 ? rest : rest.slice(0, end)
  const isRule = (line: string | undefined): boolean => line !== undefined && /^\|[\s:|-]+\|$/.test(line)
  return section
    .filter((line, i) => line.startsWith('|') && !isRule(line) && !isRule(section[i + 1]))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split('|')
        .map((cell) => cell.trim()),
    )
}
