import {
  applyChange,
  type CoordinatorView,
  type ViewChange,
} from '@tessera/shared/dashboard/coordinator-view'
import { describe, expect, test } from 'vitest'
import { followLive, type LiveSocket } from '../../../dashboard/live/live-view.ts'
import { coordinatorView, studyRow } from '../../support/coordinator-view.ts'

/** A socket whose other end is the test. */
function memorySocket() {
  const listeners = new Map<string, (value: never) => void>()
  const said: unknown[][] = []
  const socket = {
    on: (event: string, listener: (value: never) => void) => listeners.set(event, listener),
    emit: (...message: unknown[]) => said.push(message),
    connect: () => said.push(['connect']),
    disconnect: () => said.push(['disconnect']),
  } as unknown as LiveSocket<CoordinatorView, ViewChange>
  const hear = (event: string, value?: unknown): void => listeners.get(event)?.(value as never)
  return { socket, said, hear }
}

function follow() {
  const { socket, said, hear } = memorySocket()
  const clock = { nowMs: 1000, later: [] as (() => void)[], refused: 0 }
  const live = followLive<CoordinatorView, ViewChange>({
    socket,
    apply: applyChange,
    now: () => clock.nowMs,
    later: (action) => clock.later.push(action),
    onRefused: () => clock.refused++,
  })
  return { live, said, hear, clock }
}

const view = coordinatorView(2, { number: 5 })
const paused = (number: number): ViewChange => ({
  number,
  studies: { set: { colon: studyRow({ paused: true }) } },
})

describe('followLive()', () => {
  test('shows a snapshot and the changes after it', () => {
    const { live, hear } = follow()
    expect(live.state.get()).toEqual({ link: 'connecting', view: null, cutSinceMs: null })
    hear('snapshot', view)
    hear('change', paused(6))
    expect(live.state.get().link).toBe('live')
    expect(live.state.get().view?.studies.colon?.paused).toBe(true)
  })
  test('asks for the whole after a gap, once, and takes no change until it comes', () => {
    const { live, hear, said } = follow()
    hear('snapshot', view)
    hear('change', paused(8))
    hear('change', paused(9))
    expect(said).toEqual([['resync']])
    expect(live.state.get().view).toBe(view)
    const next = { ...view, number: 9 }
    hear('snapshot', next)
    hear('change', paused(10))
    expect(live.state.get().view?.number).toBe(10)
  })
  test('says since when it is cut off, and goes on showing what it has', () => {
    const { live, hear, clock } = follow()
    hear('snapshot', view)
    hear('disconnect', 'transport close')
    clock.nowMs = 9000
    hear('connect_error', new Error('refused'))
    expect(live.state.get()).toEqual({ link: 'cut', view, cutSinceMs: 1000 })
    expect(clock.refused).toBe(1)
    hear('snapshot', { ...view, number: 7 })
    expect(live.state.get()).toMatchObject({ link: 'live', cutSinceMs: null })
  })
  test('a change that comes after a cut does not make it live', () => {
    const { live, hear } = follow()
    hear('snapshot', view)
    hear('disconnect', 'transport close')
    hear('change', paused(6))
    expect(live.state.get().link).toBe('cut')
  })
  test('watches the same study again on a new connection', () => {
    const { live, hear, said } = follow()
    live.watch('colon')
    live.watch('colon')
    hear('connect')
    expect(said).toEqual([
      ['watch', 'colon'],
      ['watch', 'colon'],
    ])
  })
  test('comes back by itself when the other end has closed, but not once it is closed here', () => {
    const { live, hear, said, clock } = follow()
    hear('disconnect', 'io server disconnect')
    for (const action of clock.later.splice(0)) action()
    expect(said).toEqual([['connect']])
    hear('disconnect', 'io server disconnect')
    live.close()
    for (const action of clock.later) action()
    expect(said).toEqual([['connect'], ['disconnect']])
  })
})
