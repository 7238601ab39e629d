import type { SiteView } from '@tessera/shared/dashboard/site-view'
import { describe, expect, test } from 'vitest'
import { type Events, followEvents } from '../../../dashboard/site/follow-events.ts'

const view = (number: number, state = 'idle') => ({ number, agent: { state } }) as unknown as SiteView

/** A browser's EventSource, said by the test. */
class FakeEvents implements Events {
  readyState = 1
  closed = false
  readonly #listeners = new Map<string, (message: { data?: unknown }) => void>()
  addEventListener(event: string, listener: (message: { data?: unknown }) => void): void {
    this.#listeners.set(event, listener)
  }
  say(event: string, data?: object): void {
    this.#listeners.get(event)?.({ data: JSON.stringify(data) })
  }
  close(): void {
    this.closed = true
  }
}

function followed() {
  const opened: FakeEvents[] = []
  const waiting: (() => void)[] = []
  const world = { nowMs: 1000, refused: 0 }
  const live = followEvents({
    open() {
      const events = new FakeEvents()
      opened.push(events)
      return events
    },
    now: () => world.nowMs,
    later: (action) => waiting.push(action),
    onRefused: () => {
      world.refused++
    },
  })
  const newest = (): FakeEvents => opened.at(-1) as FakeEvents
  return { live, opened, newest, waiting, world }
}

describe('followEvents()', () => {
  test('shows the whole, then what has changed', () => {
    const { live, newest } = followed()
    expect(live.state.get()).toEqual({ link: 'connecting', view: null, cutSinceMs: null })
    newest().say('view', view(0))
    newest().say('change', { number: 1, agent: { state: 'training' } })
    expect(live.state.get()).toMatchObject({ link: 'live', view: view(1, 'training') })
  })

  test('says that what it shows is old while the browser connects again, and since when', () => {
    const { live, newest, world, opened } = followed()
    newest().say('view', view(0))
    newest().readyState = 0
    newest().say('error')
    world.nowMs = 2000
    newest().say('error')
    expect(live.state.get()).toMatchObject({ link: 'cut', view: view(0), cutSinceMs: 1000 })
    newest().say('view', view(0, 'training'))
    expect(live.state.get()).toMatchObject({ link: 'live', cutSinceMs: null })
    expect([opened.length, world.refused]).toEqual([1, 0])
  })

  test('asks whether it is still signed in when it is refused, and tries again later', () => {
    const { newest, waiting, world, opened } = followed()
    newest().readyState = 2
    newest().say('error')
    expect(world.refused).toBe(1)
    waiting.shift()?.()
    expect(opened).toHaveLength(2)
  })

  test('begins anew after a gap', () => {
    const { live, newest, waiting, opened } = followed()
    newest().say('view', view(0))
    newest().say('change', { number: 2, agent: { state: 'training' } })
    expect(live.state.get()).toMatchObject({ link: 'cut', view: view(0) })
    expect(newest().closed).toBe(true)
    waiting.shift()?.()
    expect(opened).toHaveLength(2)
  })

  test('closed, it connects no more', () => {
    const { live, newest, waiting, opened } = followed()
    newest().readyState = 2
    newest().say('error')
    live.close()
    waiting.shift()?.()
    expect(opened).toHaveLength(1)
    expect(newest().closed).toBe(true)
  })
})
