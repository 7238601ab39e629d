import { WINDOW_CHUNKS } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { createOutlets } from '../../coordinator/outlets.ts'
import { codeOf } from './raw-site.ts'

const turns = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A connection that has sent what it was given when `flush` is called. */
function connection() {
  const waiting: (() => void)[] = []
  return {
    flushed: () => new Promise<void>((resolve) => waiting.push(resolve)),
    flush: () => waiting.shift()?.(),
  }
}

describe('createOutlets()', () => {
  test('reads the next chunk of a connection when the one before has left the process', async () => {
    const { flushed, flush } = connection()
    const outlet = createOutlets()(flushed)
    const read: number[] = []
    const answers = [0, 1, 2].map((index) => outlet(async () => read.push(index)))
    await turns()
    expect(read).toEqual([0])
    flush()
    await turns()
    expect(read).toEqual([0, 1])
    flush()
    await Promise.all(answers)
    expect(read).toEqual([0, 1, 2])
  })

  test('has a bounded number in memory over all connections: a thousand slow readers take no more', async () => {
    const outlets = createOutlets(4)
    const slow = Array.from({ length: 1000 }, connection)
    let read = 0
    const answers = slow.map(({ flushed }) => outlets(flushed)(async () => read++))
    await turns()
    expect(read).toBe(4)
    for (const [i, { flush }] of slow.entries()) {
      flush()
      await turns()
      expect(read).toBe(Math.min(1000, i + 5))
    }
    await Promise.all(answers)
  })

  test('refuses a connection more chunks than a window, and answers the rest', async () => {
    const outlet = createOutlets()(async () => undefined)
    const codes = await Promise.all(Array.from({ length: 1000 }, () => codeOf(outlet(async () => undefined))))
    expect(codes.filter((code) => code === 'ERR_WINDOW_FULL')).toHaveLength(1000 - WINDOW_CHUNKS)
    expect(await outlet(async () => 'next')).toBe('next')
  })

  test('a read that fails is its own answer, and gives its place back', async () => {
    const outlet = createOutlets(1)(async () => undefined)
    const failing = outlet(async () => {
      throw new Error('damaged')
    })
    await expect(failing).rejects.toThrow('damaged')
    expect(await outlet(async () => 'next')).toBe('next')
  })
})
