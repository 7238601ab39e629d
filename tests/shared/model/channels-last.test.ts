import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { channelsLastShape, fromChannelsLast, toChannelsLast } from '../../../shared/model/channels-last.ts'

const upTo = (values: number) => Float32Array.from({ length: values }, (_, i) => i)

test('puts a convolution’s outputs last', () => {
  const spec = { shape: [2, 3, 1, 2] }
  expect(channelsLastShape(spec)).toEqual([1, 2, 3, 2])
  expect([...toChannelsLast(spec, upTo(12))]).toEqual([0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11])
})

test('puts a depthwise convolution’s channels before its single output', () => {
  const spec = { shape: [3, 1, 2, 2] }
  expect(channelsLastShape(spec)).toEqual([2, 2, 3, 1])
  expect([...toChannelsLast(spec, upTo(12))]).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
})

test('leaves vectors and matrices as they are', () => {
  expect(channelsLastShape({ shape: [2, 3] })).toEqual([2, 3])
  expect(toChannelsLast({ shape: [2, 3] }, upTo(6))).toEqual(upTo(6))
})

test('comes back, whatever the shape', () => {
  const side = fc.integer({ min: 1, max: 4 })
  fc.assert(
    fc.property(fc.array(side, { minLength: 1, maxLength: 4 }), (shape) => {
      const values = upTo(shape.reduce((product, n) => product * n, 1))
      expect(fromChannelsLast({ shape }, toChannelsLast({ shape }, values))).toEqual(values)
    }),
  )
})
