import { tensorboardFile } from '@tessera/shared/tracking'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../../shared/tracking/crc32c.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1')

describe('crc32c()', () => {
  // The check value of every catalogue, and RFC 3720's examples B.4: 32 zeros, 32 ones, 0 to 31.
  test.each([
    [bytes('123456789'), 0xe3069283],
    [new Uint8Array(), 0],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ])('%j', (data, sum) => expect(crc32c(data)).toBe(sum))
})

describe('tensorboardFile()', () => {
  test('names its format first', () => {
    const file = Buffer.from(tensorboardFile(new Map(), 1_800_000_000_000))
    const time = Buffer.alloc(8)
    time.writeDoubleLE(1_800_000_000)
    expect(file.subarray(12, -4)).toEqual(
      Buffer.concat([bytes('\x09'), time, bytes('\x1a\x0dbrain.Event:2')]),
    )
  })

  test('has a record a point, the bytes that TensorBoard’s own writer gives', () => {
    const points = [{ step: 300, atMs: 1_800_000_000_500, value: -1.5 }]
    const head = tensorboardFile(new Map(), 0).byteLength
    const file = Buffer.from(tensorboardFile(new Map([['a/b', points]]), 0)).subarray(head)
    // tensorboard 2.21, summary.writer.event_file_writer.EventFileWriter, for the same event.
    const record = [
      '1a00000000000000', // 26 bytes
      '129bd82d', // checksum of that
      '090000208074d2da41', // wall_time 1800000000.5
      '10ac02', // step 300
      '2a0c0a0a', // summary, of one value
      '0a03612f62', // tag a/b
      '150000c0bf', // simple_value -1.5
      '08a59b9b', // checksum of the data
    ]
    expect(file.toString('hex')).toBe(record.join(''))
  })
})
