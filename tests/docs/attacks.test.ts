import { ERROR_CODES } from '@tessera/shared/errors'
import { describe, expect, test } from 'vitest'
import { expectNamesTest, page, tableRows } from '../support/markdown.ts'

const rows = tableRows(page('docs/attacks.md'), '# Attacks')

describe('docs/attacks.md', () => {
  test('has rows, and tells no attack twice', () => {
    expect(rows.length).toBeGreaterThan(40)
    const attacks = rows.map((row) => row.slice(0, 2).join(': '))
    expect(new Set(rows.map((row) => row.at(-1))).size).toBeGreaterThan(35)
    expect(attacks.every((attack) => attack.length > 10)).toBe(true)
  })

  test.each(rows)('%s: %s (%s) is tried by %s', (_attack, _stop, codes = '', test = '') => {
    expectNamesTest(test)
    const named = [...codes.matchAll(/ERR_[A-Z_]+/g)].map(([code]) => code)
    expect(codes === 'none' || named.length > 0).toBe(true)
    expect(named.filter((code) => !Object.hasOwn(ERROR_CODES, code))).toEqual([])
  })
})
