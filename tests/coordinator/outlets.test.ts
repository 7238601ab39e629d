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
    const answers = [0, 1, 2].map((index) => outlet.answer(async () => read.push(index)))
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
    const answers = slow.map(({ flushed }) => outlets(flushed).answer(async () => read++))
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
    const codes = await Promise.all(
      Array.from({ length: 1000 }, () => codeOf(outlet.answer(async () => undefined))),
    )
    expect(codes.filter((code) => code === 'ERR_WINDOW_FULL')).toHaveLength(1000 - WINDOW_CHUNKS)
    expect(await outlet.answer(async () => 'next')).toBe('next')
  })

  test('a read that fails is its own answer, and gives its place back', async () => {
    const outlet = createOutlets(1)(async () => undefined)
    const failing = outlet.answer(async () => {
      throw new Error('damaged')
    })
    await expect(failing).rejects.toThrow('damaged')
    expect(await outlet.answer(async () => 'next')).toBe('next')
  })

  test('makes a bounded number of frames of what is said to all, and goes on as they leave', async () => {
    const outlets = createOutlets(4)
    const slow = Array.from({ length: 1000 }, connection)
    let sent = 0
    const answers = slow.map(({ flushed }) => outlets(flushed).say(async () => sent++))
    await turns()
    expect(sent).toBe(4)
    for (const [i, { flush }] of slow.entries()) {
      flush()
      await turns()
      expect(sent).toBe(Math.min(1000, i + 5))
    }
    await Promise.all(answers)
  })

  test('says things in the order in which they were to be said, without waiting for an answer', async () => {
    const outlet = createOutlets(1)(async () => undefined)
    const said: string[] = []
    const say = (word: string, answer: Promise<void>): Promise<void> =>
      outlet.say(() => {
        said.push(word)
        return answer
      })
    const never = new Promise<void>(() => undefined)
    void say('record', never)
    await say('offer', Promise.resolve())
    expect(said).toEqual(['record', 'offer'])
  })
})
