import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createSlidePool } from '../../../../site-agent/data/wsi/open-slides.ts'
import type { Slide } from '../../../../site-agent/data/wsi/slide.ts'
import { fakeClock } from '../../../support/fake-clock.ts'

/** A pool over slides that only note what happens to them. */
function noted(maxOpen: number, maxCachedBytes = 1e9) {
  const events: string[] = []
  const clock = fakeClock()
  const open = async (path: string): Promise<Slide> => {
    events.push(`open ${path}`)
    if (path === 'broken') throw new Error('broken')
    let cached = 0
    const close = (): void => void events.push(`close ${path}`)
    return { close, cachedBytes: () => (cached += 10) } as unknown as Slide
  }
  const pool = createSlidePool({ maxOpen, maxCachedBytes, open, clock })
  const touch = (path: string) => pool.use(path, async () => path)
  return { pool, touch, events, clock }
}

describe('createSlidePool()', () => {
  test('opens a slide once, also when it is asked for twice at the same time', async () => {
    const { touch, events } = noted(2)
    await Promise.all([touch('a'), touch('a')])
    await touch('a')
    expect(events).toEqual(['open a'])
  })
  test('closes the one that was asked for longest ago', async () => {
    const { touch, events } = noted(2)
    for (const path of ['a', 'b', 'a', 'c']) await touch(path)
    await setImmediate()
    expect(events).toEqual(['open a', 'open b', 'open c', 'close b'])
  })
  test('closes slides when too much of them is kept, but never the one that is asked for', async () => {
    const { touch, events } = noted(9, 25)
    for (const path of ['a', 'b', 'a', 'c', 'c', 'c', 'c']) await touch(path)
    await setImmediate()
    // 10 bytes more each time: a 20 and b 10 are too much for c, and c alone may have 40.
    expect(events).toEqual(['open a', 'open b', 'open c', 'close b', 'close a'])
  })
  test('closes a slide in use only when it is done with', async () => {
    const { pool, touch, events } = noted(1)
    let finish = (): void => undefined
    const reading = pool.use('a', () => new Promise<void>((resolve) => (finish = resolve)))
    await touch('b')
    await setImmediate()
    expect(events).toEqual(['open a', 'open b'])
    finish()
    await reading
    await setImmediate()
    expect(events).toEqual(['open a', 'open b', 'close a'])
  })
  test('closes a slide that failed, and opens it again', async () => {
    const { pool, touch, events } = noted(2)
    await expect(pool.use('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await touch('a')
    await setImmediate()
    expect(events).toEqual(['open a', 'close a', 'open a'])
  })
  test('tries again to open what could not be opened', async () => {
    const { touch, events } = noted(2)
    for (const _ of [1, 2]) await expect(touch('broken')).rejects.toThrow('broken')
    expect(events).toEqual(['open broken', 'open broken'])
  })
  test('closes all slides when nobody has asked for a minute', async () => {
    const { touch, events, clock } = noted(2)
    await touch('a')
    clock.advance(59_000)
    await touch('b')
    clock.advance(59_000)
    await setImmediate()
    expect(events).toEqual(['open a', 'open b'])
    clock.advance(1000)
    await setImmediate()
    expect(events).toEqual(['open a', 'open b', 'close a', 'close b'])
    expect(clock.pending()).toBe(0)
  })
})
