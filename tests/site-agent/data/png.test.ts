import { crc32, deflateSync } from 'node:zlib'
import { createRandom } from '@tessera/shared/random'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { decodePlainPng } from '../../../site-agent/data/png.ts'
import { noisePixels } from '../../support/tile-files.ts'

const MAX_PIXELS = 1e6

function chunk(type: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(content.length, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** A PNG whose row `y` has the filter `filters[y]`; what the filtered bytes are is up to the caller. */
function pngOf(
  width: number,
  rows: readonly Uint8Array[],
  { colour = 2, extra = new Uint8Array(0) }: { colour?: number; extra?: Uint8Array } = {},
): Buffer {
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, rows.length, 8, colour, 0, 0, 0])
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    extra,
    // In two pieces, as large pictures come.
    ...pieces(deflateSync(Buffer.concat(rows))).map((piece) => chunk('IDAT', piece)),
    chunk('IEND', new Uint8Array(0)),
  ])
}

const pieces = (bytes: Uint8Array): Uint8Array[] => [bytes.subarray(0, 9), bytes.subarray(9)]

/** Any bytes after any filter's number are a picture: every sum and every tie of the predictors occurs. */
function filteredRows(width: number, filters: readonly number[]): Uint8Array[] {
  const random = createRandom(`rows ${filters.join()}`)
  return filters.map((filter) =>
    Uint8Array.from({ length: 1 + width * 3 }, (_, i) => (i === 0 ? filter : random.integer(256))),
  )
}

const bySharp = async (png: Buffer): Promise<Uint8Array> => new Uint8Array(await sharp(png).raw().toBuffer())

describe('decodePlainPng()', () => {
  test.each([[[0, 0, 0]], [[1, 1, 1]], [[2, 2, 2]], [[3, 3, 3]], [[4, 4, 4]], [[4, 3, 2, 1, 0, 3, 4, 1, 2]]])(
    'gives the bytes that libpng gives, filters %j',
    async (filters) => {
      const png = pngOf(7, filteredRows(7, filters))
      expect(decodePlainPng(png, MAX_PIXELS)).toEqual({
        width: 7,
        height: filters.length,
        pixels: await bySharp(png),
      })
    },
  )

  test.each([true, false])('reads what sharp writes (adaptive filters: %s)', async (adaptiveFiltering) => {
    const pixels = noisePixels('png', 31)
    const png = await sharp(pixels, { raw: { width: 31, height: 31, channels: 3 } })
      .png({ adaptiveFiltering })
      .toBuffer()
    expect(decodePlainPng(png, MAX_PIXELS)?.pixels).toEqual(pixels)
  })

  const rows = filteredRows(5, [0, 1, 2])
  const good = pngOf(5, rows)
  test.each<[string, Uint8Array]>([
    ['grey', pngOf(15, rows, { colour: 0 })],
    ['with a transparent colour', pngOf(5, rows, { extra: chunk('tRNS', Buffer.alloc(6)) })],
    ['of an unknown filter', pngOf(5, filteredRows(5, [0, 5, 0]))],
    ['with a row too few', Buffer.concat([good.subarray(0, 33), pngOf(5, rows.slice(1)).subarray(33)])],
    ['with a row too many', Buffer.concat([pngOf(5, rows.slice(1)).subarray(0, 33), good.subarray(33)])],
    ['cut short', good.subarray(0, good.length - 20)],
    ['with a wrong bit', good.map((byte, i) => (i === 60 ? byte ^ 1 : byte))],
    ['of nothing', Buffer.alloc(0)],
  ])('leaves to sharp what is %s', (_, png) => {
    expect(decodePlainPng(Buffer.from(png), MAX_PIXELS)).toBeNull()
  })

  test('leaves to sharp what has too many pixels, before it unpacks them', () => {
    expect(decodePlainPng(good, 14)).toBeNull()
    expect(decodePlainPng(good, 15)).not.toBeNull()
  })
})
