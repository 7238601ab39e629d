import { describe, expect, test } from 'vitest'
import {
  caseText,
  DEFAULT_CASES,
  federationsOf,
  parseCases,
  parseFederations,
} from '../../../../simulations/bench/federation/cases.ts'

const usage = (message: RegExp): unknown =>
  expect.objectContaining({ code: 'ERR_USAGE', message: expect.stringMatching(message) })

describe('parseCases()', () => {
  test('reads model and number of sites', () => {
    expect(parseCases('21mb:3, small:1000')).toEqual([
      { model: '21mb', sites: 3 },
      { model: 'small', sites: 1000 },
    ])
  })
  test('reads back what caseText() writes, for each default case', () => {
    expect(parseCases(DEFAULT_CASES).map(caseText).join(',')).toBe(DEFAULT_CASES)
  })
  test.each(['', 'small', 'small:', 'small:0', 'small:1001', 'large:3', ':3', 'small:3,', 'small:-1'])(
    '%j is refused',
    (text) => {
      expect(() => parseCases(text)).toThrowError(
        usage(/^case must be MODEL:SITES with small, 21mb, 250mb and 1 to 1000 sites, got /),
      )
    },
  )
})

describe('federationsOf()', () => {
  test('holds each peer against us in at least one default case', () => {
    const named = new Set(parseCases(DEFAULT_CASES).flatMap(federationsOf))
    expect([...named].toSorted()).toEqual(['flower', 'flower-213', 'nvflare', 'tessera'])
  })
  test('leaves us alone in any other case', () => {
    expect(federationsOf({ model: '250mb', sites: 7 })).toEqual(['tessera'])
  })
})

describe('parseFederations()', () => {
  test('keeps the order', () => {
    expect(parseFederations('nvflare, tessera')).toEqual(['nvflare', 'tessera'])
  })
  test.each(['openfl', 'flower,flower', '', 'tessera,,flower'])('%j is refused', (text) => {
    expect(() => parseFederations(text)).toThrowError(usage(/^contenders must be different ones of tessera/))
  })
})
