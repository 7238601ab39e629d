import { ERROR_CODES } from '@tessera/shared/errors'
import {
  type Catalogue,
  coordinatorMessages,
  PROTOCOL_VERSION,
  signedPayloads,
  siteMessages,
} from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import * as limits from '../../shared/protocol/limits.ts'
import { fieldText } from '../support/fields.ts'
import { page, tableRows } from '../support/markdown.ts'

const text = page('docs/protocol.md')
/** Rows without their last column, which is prose and must not be empty. */
function facts(heading: string): string[][] {
  const rows = tableRows(text, heading)
  for (const row of rows) expect(row.at(-1), row[0]).toMatch(/\.$/)
  return rows.map((row) => row.slice(0, -1))
}

describe('docs/protocol.md', () => {
  test.each<[string, Catalogue]>([
    ['### From a site', siteMessages],
    ['### From the coordinator', coordinatorMessages],
  ])('%s lists every message as it is declared', (heading, catalogue) => {
    const want = Object.entries(catalogue).map(([event, { request, reply }]) => [
      `\`${event}\``,
      fieldText(request),
      fieldText(reply),
    ])
    expect(facts(heading)).toEqual(want)
  })
  test('lists every signed part as it is declared', () => {
    const rows = facts('## Signed parts')
    const want = Object.entries(signedPayloads).map(([kind, schema]) => [`\`${kind}\``, fieldText(schema)])
    expect(rows.map(([kind, , fields]) => [kind, fields])).toEqual(want)
    for (const [, by] of rows) expect(by).toMatch(/^(site|coordinator)$/)
  })
  test('lists every limit with its value', () => {
    const byName = (rows: string[][]): string[][] => rows.toSorted(([a = ''], [b = '']) => a.localeCompare(b))
    const want = Object.entries(limits).map(([name, value]) => [`\`${name}\``, value.toLocaleString('en')])
    expect(byName(facts('## Limits'))).toEqual(byName(want))
  })
  test('is of the version that the code speaks', () => {
    expect(text).toContain(`version ${PROTOCOL_VERSION}.`)
  })
  test('names no code that does not exist', () => {
    const named = [...text.matchAll(/ERR_[A-Z_]+/g)].map(([code]) => code)
    expect(named.filter((code) => !Object.hasOwn(ERROR_CODES, code))).toEqual([])
  })
  test('has the border in the order of the design', () => {
    const checks = tableRows(text, "## The border's checks").map(([check]) => check)
    const order = [
      'size',
      'unpack',
      'schema',
      'signature',
      'site state',
      'replay',
      'base',
      'fit',
      'digest',
      'finite',
      'norm',
    ]
    expect(checks.filter((check) => order.includes(check ?? ''))).toEqual(order)
  })
})
