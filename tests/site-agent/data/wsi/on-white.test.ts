import { describe, expect, test } from 'vitest'
import { onWhite } from '../../../../site-agent/data/wsi/on-white.ts'

describe('onWhite()', () => {
  test('takes opaque colours as they are, red first', () => {
    expect([...onWhite(Uint32Array.of(0xff0a141e, 0xff000000))]).toEqual([10, 20, 30, 0, 0, 0])
  })
  test('is white where nothing was scanned', () => {
    expect([...onWhite(Uint32Array.of(0))]).toEqual([255, 255, 255])
  })
  test('lays half-transparent colours on white: c·α + 255·(1 − α) for every α', () => {
    for (let alpha = 0; alpha <= 255; alpha++) {
      const multiplied = Math.round((200 * alpha) / 255)
      const [red] = onWhite(Uint32Array.of(((alpha << 24) | (multiplied << 16)) >>> 0))
      expect(Math.abs((red as number) - (200 * alpha) / 255 - (255 - alpha))).toBeLessThanOrEqual(0.5)
    }
  })
  test('keeps a colour above its alpha at white', () => {
    expect([...onWhite(Uint32Array.of(0x10ffffff))]).toEqual([255, 255, 255])
  })
})
