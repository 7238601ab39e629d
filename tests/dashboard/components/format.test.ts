import { describe, expect, test } from 'vitest'
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatScore,
  formatShare,
  plural,
} from '../../../dashboard/components/format.ts'

describe('format', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [16_400_000, '16.4 MB'],
    [492_000_000, '492 MB'],
    [999_600_000, '1.0 GB'],
    [null, '–'],
  ])('%s bytes are %s', (bytes, words) => expect(formatBytes(bytes)).toBe(words))
  test.each([
    [59, '59 s'],
    [61, '1 min'],
    [3600, '1 h'],
    [7500, '2 h 5 min'],
    [7199, '2 h'],
    [86_400 * 3 + 4 * 3600, '3 d 4 h'],
    [-5, '< 1 s'],
    [0.4, '< 1 s'],
    [0.6, '1 s'],
    [Number.POSITIVE_INFINITY, '–'],
    [null, '–'],
  ])('%s seconds are %s', (seconds, words) => expect(formatDuration(seconds)).toBe(words))
  test('what is not known is a dash, never a zero', () => {
    expect([
      formatCount(null),
      formatScore(null),
      formatScore(Number.NaN),
      formatShare(null),
      formatAgo(null, 0),
    ]).toEqual(Array.from({ length: 5 }, () => '–'))
  })
  test('a clock that is a little ahead says just now', () => {
    expect(formatAgo(1000, 0)).toBe('just now')
    expect(formatAgo(0, 90_000)).toBe('2 min ago')
  })
  test('numbers have as many digits as their column', () => {
    expect([formatScore(0.5), formatScore(1 / 3, 2), formatShare(0.873), formatCount(12_345)]).toEqual([
      '0.500',
      '0.33',
      '87.3 %',
      '12,345',
    ])
    expect([plural(1, 'site'), plural(0, 'site'), plural(2, 'class', 'classes')]).toEqual([
      '1 site',
      '0 sites',
      '2 classes',
    ])
  })
})
