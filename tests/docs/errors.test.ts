import { ERROR_CODES } from '@tessera/shared/errors'
import { describe, expect, test } from 'vitest'
import { page, tableRows } from '../support/markdown.ts'

const rows = tableRows(page('docs/errors.md'), '# Errors')

describe('docs/errors.md', () => {
  test('has one row a code, in the order of the source, with its exit code and whether to try again', () => {
    const want = Object.entries(ERROR_CODES).map(([code, { exit, retry }]) => [
      `\`${code}\``,
      String(exit),
      retry ? 'yes' : 'no',
    ])
    expect(rows.map((row) => row.slice(0, 3))).toEqual(want)
  })
  test.each(rows.map((row) => [row[0] ?? '', row] as const))(
    '%s has a meaning, a cause and what to do',
    (_, row) => {
      expect(row).toHaveLength(6)
      for (const sentence of row.slice(3)) expect(sentence).toMatch(/\w.*[.*]$/)
    },
  )
})
