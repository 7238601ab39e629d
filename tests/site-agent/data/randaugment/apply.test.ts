import { describe, expect, test } from 'vitest'
import {
  argumentOf,
  OPERATION_NAMES,
  type Operation,
} from '../../../../site-agent/data/randaugment/operations.ts'
import { FILL } from '../../../../site-agent/data/randaugment/warp.ts'
import { applyOperation } from '../../../support/apply-operation.ts'
import { noisePixels } from '../../../support/tile-files.ts'

const SIZE = 9
const operation = (name: Operation['name'], argument = 0, cubic = false): Operation => ({
  name,
  argument,
  cubic,
})
const pixels = noisePixels('apply', SIZE)
const apply = (name: Operation['name'], argument = 0, cubic = false, tile = pixels): Uint8Array =>
  applyOperation(tile, SIZE, operation(name, argument, cubic))
const grey = new Uint8Array(SIZE * SIZE * 3).fill(77)

describe('applyOperation()', () => {
  test.each(['color', 'contrast', 'brightness', 'sharpness'] as const)('%s by 1 changes nothing', (name) => {
    expect(apply(name, 1)).toEqual(pixels)
  })

  test.each([false, true])('a shift by nothing, and one by whole pixels, copies (cubic: %s)', (cubic) => {
    expect(apply('translate-x', 0, cubic)).toEqual(pixels)
    const shifted = apply('translate-y', 2 / SIZE, cubic)
    const stride = SIZE * 3
    expect(shifted.subarray(0, -2 * stride)).toEqual(pixels.subarray(2 * stride))
    expect([...shifted.subarray(-3)]).toEqual([...FILL])
  })

  test.each([false, true])('a quarter turn moves each pixel to its place (cubic: %s)', (cubic) => {
    const turned = apply('rotate', 90, cubic)
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        // Counter-clockwise: what was on the right is on top.
        expect(turned[(y * SIZE + x) * 3]).toBe(pixels[(x * SIZE + SIZE - 1 - y) * 3])
      }
    }
  })

  test('twice inverted is the tile itself', () => {
    expect(apply('invert', 0, false, apply('invert'))).toEqual(pixels)
  })

  test('posterise keeps the highest bits', () => {
    expect(apply('posterize', 3)).toEqual(pixels.map((v) => v & 0b11100000))
  })

  test('solarise inverts from its threshold on, and nothing at 256', () => {
    expect(apply('solarize', 200)).toEqual(pixels.map((v) => (v < 200 ? v : 255 - v)))
    expect(apply('solarize', 256)).toEqual(pixels)
  })

  test('auto-contrast stretches each channel to 0 … 255', () => {
    const pale = pixels.map((v) => 100 + (v >> 2))
    const stretched = apply('auto-contrast', 0, false, pale)
    for (let channel = 0; channel < 3; channel++) {
      const levels = stretched.filter((_, i) => i % 3 === channel)
      expect([Math.min(...levels), Math.max(...levels)]).toEqual([0, 255])
    }
  })

  test.each(OPERATION_NAMES)('%s leaves the given tile as it was', (name) => {
    const before = pixels.slice()
    apply(name, argumentOf(name, 0.9, false))
    expect(pixels).toEqual(before)
  })

  test('one colour has no contrast, saturation or edge to change', () => {
    for (const name of ['auto-contrast', 'equalize', 'color', 'contrast', 'sharpness'] as const) {
      expect(apply(name, 1.9, false, grey)).toEqual(grey)
    }
  })
})

describe('two operations', () => {
  test('gathers what it can and still equals one operation after another, for every pair', () => {
    for (const first of OPERATION_NAMES) {
      for (const second of OPERATION_NAMES) {
        const [one, two] = [first, second].map((name) =>
          operation(name, argumentOf(name, 0.93, false), true),
        ) as [Operation, Operation]
        expect(applyOperation(pixels, SIZE, one, two)).toEqual(
          applyOperation(applyOperation(pixels, SIZE, one), SIZE, two),
        )
      }
    }
  })
})
