import { describe, expect, test } from 'vitest'
import { createTileMemory } from '../../../../site-agent/data/wasm/tile-memory.ts'
import { noisePixels } from '../../../support/tile-files.ts'

const memory = createTileMemory()

function sharpened(pixels: Uint8Array, size: number, factor: number): Uint8Array {
  memory.clear()
  const [from, to] = [memory.take(pixels.length), memory.take(pixels.length)]
  memory.bytes(from, pixels.length).set(pixels)
  memory.kernels.sharpen(to, from, size * 3, size, factor)
  return memory.bytes(to, pixels.length).slice()
}

/** Pillow's definition: a blend with the smoothed tile, in single precision. */
function defined(pixels: Uint8Array, size: number, factor: number): Uint8Array {
  return pixels.map((own, i) => {
    const [x, y] = [Math.floor(i / 3) % size, Math.floor(i / 3 / size)]
    if (x === 0 || y === 0 || x === size - 1 || y === size - 1) return own
    let sum = 4 * own
    for (const row of [-size * 3, 0, size * 3]) {
      for (const column of [-3, 0, 3]) sum += pixels[i + row + column] as number
    }
    const smooth = Math.floor(sum / 13 + 0.5)
    const value = Math.fround(smooth + Math.fround(Math.fround(factor) * (own - smooth)))
    return Math.min(255, Math.max(0, Math.trunc(value)))
  })
}

describe('sharpen()', () => {
  test.each([1, 2, 3, 4, 5, 6, 13, 40])('gives the bytes of its definition, %d px', (size) => {
    const pixels = noisePixels(`sharp/${size}`, size)
    for (const factor of [0.1, 0.37, 1, 1.7321, 1.9]) {
      expect(sharpened(pixels, size, factor)).toEqual(defined(pixels, size, factor))
    }
  })
})
