import { describe, expect, test } from 'vitest'
import { createTurns } from '../../../simulations/in-process/turns.ts'

const never = new AbortController().signal

/** Work that lasts until it is told to end. */
function held(): { work: () => Promise<void>; end: () => void; begun: () => boolean } {
  let [end, begun] = [(): void => undefined, false]
  const work = (): Promise<void> => {
    begun = true
    return new Promise((resolve) => {
      end = resolve
    })
  }
  return { work, end: () => end(), begun: () => begun }
}

describe('createTurns()', () => {
  test('who asked first goes first, as many at a time as there are turns', async () => {
    const turn = createTurns(1)
    const [a, b, c] = [held(), held(), held()]
    const all = [a, b, c].map(({ work }) => turn(never, work))
    await Promise.resolve()
    expect([a, b, c].map(({ begun }) => begun())).toEqual([true, false, false])
    a.end()
    await all[0]
    await Promise.resolve()
    expect([a, b, c].map(({ begun }) => begun())).toEqual([true, true, false])
    b.end()
    await all[1]
    await Promise.resolve()
    c.end()
    await all[2]
  })
  test('gives the turn on when the work fails, and passes the failure on', async () => {
    const turn = createTurns(1)
    await expect(turn(never, () => Promise.reject(new Error('broken')))).rejects.toThrowError('broken')
    expect(await turn(never, async () => 'next')).toBe('next')
  })
  test('who is stopped while waiting leaves the queue', async () => {
    const turn = createTurns(1)
    const first = held()
    const running = turn(never, first.work)
    const stop = new AbortController()
    const waiting = turn(stop.signal, async () => 'never')
    const last = turn(never, async () => 'last')
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    await expect(turn(stop.signal, async () => 'never')).rejects.toMatchObject({ code: 'ERR_INTERRUPTED' })
    first.end()
    await running
    expect(await last).toBe('last')
  })
})
