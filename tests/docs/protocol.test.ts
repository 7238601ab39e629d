import { ERROR_CODES } from '@tessera/shared/errors'
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { page, tableRows } from '../support/markdown.ts'

const text = page('docs/protocol.md')
describe('docs/protocol.md', () => {
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
