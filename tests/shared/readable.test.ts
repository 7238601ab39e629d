import { readableBytes, readableSeconds } from '@tessera/shared/readable'
import { expect, test } from 'vitest'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [826_144, '826.1 kB'],
  [999_990, '1.0 MB'],
  [3.2e12, '3.2 TB'],
])('readableBytes(%i) is %s', (bytes, text) => expect(readableBytes(bytes)).toBe(text))

test.each([
  [-1, '0 s'],
  [59.4, '59 s'],
  [185, '3 min 05 s'],
  [7800, '2 h 10 min'],
])('readableSeconds(%d) is %s', (seconds, text) => expect(readableSeconds(seconds)).toBe(text))
