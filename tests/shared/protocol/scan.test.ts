import { MAX_FRAME_DEPTH, MAX_FRAME_VALUES } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { pack, unpack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { scanFrame } from '../../../shared/protocol/scan.ts'

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('scanFrame()', () => {
  test.each([
    ['small integers', '7f'],
    ['negative integers', 'e0'],
    ['null', 'c0'],
    ['false', 'c2'],
    ['true', 'c3'],
    ['short text', 'a2 6869'],
    ['text of 8, 16 and 32 bits of length', '93 d901 61 da0001 61 db00000001 61'],
    ['bytes of 8, 16 and 32 bits of length', '93 c401 00 c50001 00 c600000001 00'],
    ['unsigned integers', '94 cc00 cd0000 ce00000000 cf0000000000000000'],
    ['signed integers', '94 d000 d10000 d200000000 d30000000000000000'],
    ['floats', '92 ca00000000 cb0000000000000000'],
    ['lists', '93 90 dc0000 dd00000000'],
    ['maps', '93 80 de0001 a161c0 df00000001 d90161c0'],
  ])('takes %s', (_, frame) => {
    expect(scanFrame(hex(frame))).toBeNull()
  })
  test('takes whatever msgpackr packs of plain values', () => {
    const value = fc.object({
      key: fc.string({ maxLength: 40 }).filter((key) => key !== '__proto__'),
      maxDepth: 3,
      maxKeys: 6,
      values: [
        fc.integer(),
        fc.double(),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array({ maxLength: 300 }),
      ],
    })
    fc.assert(
      fc.property(value, (v) => {
        expect(scanFrame(pack(v))).toBeNull()
      }),
    )
  })
  test('refuses any proper beginning of a frame', () => {
    const frame = pack({
      type: 2,
      nsp: '/',
      data: ['a', { chunk: new Uint8Array(300), x: 1.5, s: 'é'.repeat(40) }],
    })
    for (let end = 0; end < frame.length; end++) expect(scanFrame(frame.subarray(0, end))).not.toBeNull()
    expect(scanFrame(frame)).toBeNull()
  })
  test('refuses bytes after the value', () => {
    expect(scanFrame(hex('c0 c0'))).toBe('bytes after its value')
  })
  test('what it takes, msgpackr unpacks', () => {
    // Random bytes after a plausible start reach deeper than random bytes alone.
    const start = fc.constantFrom('', '83', '93', '81a161', '92c4', 'dc0002', 'd9', 'cb')
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 40 }), (head, tail) => {
        const frame = Buffer.concat([hex(head), tail])
        if (scanFrame(frame) === null) unpack(frame)
      }),
      { numRuns: 5000 },
    )
  })
  test.each([
    ['a list of 2³² elements', 'dd ffffffff c0', 'more values than a message has'],
    ['a map of 2³² entries', 'df ffffffff', 'more values than a message has'],
    ['4 GB of text', 'db ffffffff 61', 'an end before its last value'],
    ['4 GB of bytes', 'c6 ffffffff 00', 'an end before its last value'],
    ['a timestamp', 'd6 ff 00000000', 'an extension or reserved type'],
    ['a record of msgpackr', 'd4 72 40', 'an extension or reserved type'],
    ['undefined of msgpackr', 'd4 00 00', 'an extension or reserved type'],
    ['an extension with a length', 'c7 01 05 00', 'an extension or reserved type'],
    ['the reserved byte', 'c1', 'an extension or reserved type'],
    ['a prototype', '81 a9 5f5f70726f746f5f5f 80', 'a key that is not a plain text'],
    ['a prototype in the longer form', '81 d909 5f5f70726f746f5f5f 80', 'a key that is not a plain text'],
    ['a number as key', '81 01 c0', 'a key that is not a plain text'],
    ['bytes as key', '81 c401 61 c0', 'a key that is not a plain text'],
    ['nothing', '', 'an end before its last value'],
  ])('refuses %s', (_, frame, fault) => {
    expect(scanFrame(hex(frame))).toBe(fault)
  })
  test('refuses one level of nesting too many', () => {
    const nested = (depth: number): Uint8Array => hex(`${'91'.repeat(depth)}c0`)
    expect(scanFrame(nested(MAX_FRAME_DEPTH))).toBeNull()
    expect(scanFrame(nested(MAX_FRAME_DEPTH + 1))).toBe('deeper nesting than a message has')
    expect(scanFrame(nested(1_000_000))).toBe('deeper nesting than a message has')
  })
  test('refuses one value too many, however they are spread', () => {
    const many = (count: number): Uint8Array => pack([Array(500).fill(0), Array(count - 502 - 1).fill(0)])
    expect(scanFrame(many(MAX_FRAME_VALUES))).toBeNull()
    expect(scanFrame(many(MAX_FRAME_VALUES + 1))).toBe('more values than a message has')
  })
})
