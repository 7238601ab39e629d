import { CHUNK_BYTES, PROGRESS_TIMEOUT_MS, WINDOW_CHUNKS } from '@tessera/shared/protocol'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRoom } from '../../../coordinator/running/room.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const LARGE = 100 * CHUNK_BYTES

describe('createRoom()', () => {
  test('gives a full window while there is room, shares it, and refuses who does not fit', () => {
    const room = createRoom(fakeClock(), 4)
    expect(room.grant('a', LARGE)).toBe(4)
    expect(room.grant('b', LARGE)).toBe(2)
    expect(room.grant('a', LARGE)).toBe(2)
    expect([room.grant('c', LARGE), room.grant('d', LARGE)]).toEqual([1, 1])
    expect(room.grant('e', LARGE)).toBe(0)
    room.leave('b')
    expect(room.grant('e', LARGE)).toBe(1)
  })

  test('never gives more than a window', () => {
    expect(createRoom(fakeClock()).grant('a', LARGE)).toBe(WINDOW_CHUNKS)
  })

  test('an upload that is silent loses its place', () => {
    const clock = fakeClock()
    const room = createRoom(clock, 1)
    room.grant('gone', LARGE)
    clock.advance(PROGRESS_TIMEOUT_MS - 1)
    expect(room.grant('b', LARGE)).toBe(0)
    clock.advance(1)
    expect(room.grant('b', LARGE)).toBe(1)
  })

  test('a thousand deltas that are small need not queue', () => {
    const room = createRoom(fakeClock())
    for (let site = 0; site < 1000; site++) expect(room.grant(`${site}`, 400)).toBe(WINDOW_CHUNKS)
  })

  test('however many come, what is given stays within twice the room', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 199 }), { maxLength: 400 }), (comers) => {
        const room = createRoom(fakeClock(), 64)
        const windows = new Map<string, number>()
        // A site hears of a smaller window with its next answer: all that were there hear it before the next comes.
        for (const comer of comers.map(String)) {
          windows.set(comer, room.grant(comer, LARGE))
          const sum = [...windows.values()].reduce((total, window) => total + window, 0)
          expect(sum).toBeLessThanOrEqual(128)
          for (const site of windows.keys()) windows.set(site, room.grant(site, LARGE))
        }
      }),
      { numRuns: 30 },
    )
  })
})
