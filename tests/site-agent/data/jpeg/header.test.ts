import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { plainJpegSize } from '../../../../site-agent/data/jpeg/header.ts'

const picture = sharp({ create: { width: 21, height: 13, channels: 3, background: '#b58' } })

describe('plainJpegSize()', () => {
  test.each([false, true])('reads the size of an RGB file (progressive: %s)', async (progressive) => {
    const jpeg = await picture.clone().jpeg({ progressive }).toBuffer()
    expect(plainJpegSize(jpeg)).toEqual({ width: 21, height: 13 })
  })

  test('passes over what stands before the frame', async () => {
    const jpeg = await picture
      .clone()
      .withExif({ IFD0: { Copyright: 'nobody' } })
      .jpeg()
      .toBuffer()
    expect(plainJpegSize(jpeg)).toEqual({ width: 21, height: 13 })
  })

  test('leaves grey and CMYK to sharp', async () => {
    for (const space of ['b-w', 'cmyk']) {
      expect(plainJpegSize(await picture.clone().toColourspace(space).jpeg().toBuffer())).toBeNull()
    }
  })

  test('leaves every file that is cut before its frame ends to sharp, and never reads past its end', async () => {
    const jpeg = await picture.clone().jpeg().toBuffer()
    const whole = jpeg.findIndex((_, at) => plainJpegSize(jpeg.subarray(0, at)) !== null)
    expect(whole).toBeGreaterThan(20)
    for (let end = 0; end < whole; end++) expect(plainJpegSize(jpeg.subarray(0, end))).toBeNull()
  })
})
