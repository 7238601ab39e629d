import { applyChange, type CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import { SESSION_LIFETIME_MS } from '@tessera/shared/web'
import { describe, expect, test } from 'vitest'
import { federation, wholeRound } from '../federation.ts'
import { ask, deltaOf } from '../raw-site.ts'
import { browser, type LiveView, live, liveOf, signedIn } from './signed-in.ts'

type Running = Awaited<ReturnType<typeof federation>>

/** Follows the view until it is as wanted; the clock moves on with each look. */
async function until(
  { clock }: Running,
  { snapshots, changes }: LiveView,
  holds: (view: CoordinatorView) => boolean,
  from?: CoordinatorView,
): Promise<CoordinatorView> {
  let view = from ?? (await snapshots.next())
  while (!holds(view)) {
    const change = changes.next()
    const tick = setInterval(() => clock.advance(300), 10)
    const next = applyChange(view, await change)
    clearInterval(tick)
    if (next === null) throw new Error('a change is missing')
    view = next
  }
  return view
}

describe('the live view', () => {
  test('shows a round from the offer to the student, by snapshot and changes alone', async () => {
    const running = await federation()
    const { url, north, south } = running
    const view = await liveOf(url, await signedIn(running))
    await view.snapshots.next()
    view.socket.emit('watch', 'tiny')
    let now = await until(running, view, ({ members }) => members.north?.state === 'offered')
    expect(now.studies.tiny).toMatchObject({
      phase: 'collecting',
      round: 1,
      rounds: 2,
      counts: { offered: 2 },
      progress: 0,
      network: 'efficientnet-b0',
      strategy: 'fedavg',
    })
    expect(now.sites.north).toMatchObject({ state: 'enrolled', online: ['tiny'], version: '0.1.0' })

    const offer = await north.offer()
    await ask(north.socket, 'model:chunk', { sha256: offer.base, index: 0 })
    now = await until(running, view, ({ members }) => members.north?.state === 'fetching', now)
    expect(now.members.north?.bytesDown).toBeGreaterThan(100_000)
    const told = { study: 'tiny', round: 1, steps: 10, loss: 0.5 }
    await ask(north.socket, 'round:progress', { ...told, step: 5, secondsLeft: 7 })
    now = await until(running, view, ({ members }) => members.north?.state === 'training', now)
    expect(now.studies.tiny).toMatchObject({ progress: 0.25, secondsLeft: 7 })
    expect(Object.keys(now.members.north?.sinceMs ?? {})).toEqual(['offered', 'fetching', 'training'])

    const bytes = deltaOf(0.01)
    await north.deliver(await north.manifest(offer, bytes, { samples: 3 }), bytes)
    now = await until(running, view, ({ members }) => members.north?.state === 'accepted', now)
    await south.deliver(await south.manifest(await south.offer(), bytes, { samples: 1 }), bytes)
    now = await until(running, view, ({ studies }) => studies.tiny?.published === 1, now)
    expect(now.members.north?.last).toMatchObject({ round: 1, samples: 3, share: 0.75 })
    expect(now.studies.tiny).toMatchObject({ loss: 1, bytesUp: 2 * bytes.byteLength })
  })

  test('begins with a whole snapshot again, after a cut and when it is asked for', async () => {
    const running = await federation()
    const operator = await signedIn(running)
    const first = await liveOf(running.url, operator)
    const before = await first.snapshots.next()
    first.socket.emit('resync')
    expect((await first.snapshots.next()).sites).toEqual(before.sites)
    first.socket.disconnect()
    await wholeRound([running.north, running.south], [0.01, 0.02])
    await running.north.published()
    const again = await liveOf(running.url, operator)
    expect((await again.snapshots.next()).studies.tiny?.published).toBe(1)
  })

  test('has long polling too, where a proxy lets no WebSocket through', async () => {
    const running = await federation()
    const { cookie } = await signedIn(running)
    const view = await live(running.url, { cookie }, 'polling')
    if (typeof view === 'string') throw new Error(view)
    expect((await view.snapshots.next()).sites).toHaveProperty('north')
  })

  test('without a session is refused, and so is one with a session that has ended', async () => {
    const running = await federation()
    const { url, clock } = running
    expect(await live(url, { origin: url })).toBe('ERR_SIGN_IN')
    const { cookie } = await signedIn(running)
    clock.advance(SESSION_LIFETIME_MS)
    expect(await live(url, { origin: url, cookie })).toBe('ERR_SIGN_IN')
  })

  test('ends with its session', async () => {
    const running = await federation()
    const operator = await signedIn(running)
    const { socket } = await liveOf(running.url, operator)
    const ended = new Promise((resolve) => {
      socket.on('disconnect', resolve)
    })
    expect((await browser(running.url, operator.cookie).post('api/session/end')).status).toBe(200)
    running.clock.advance(10_000)
    await ended
  })

  test('tells nothing more to who has signed out, before it has looked at all sessions again', async () => {
    const running = await federation()
    const operator = await signedIn(running)
    const { socket, snapshots } = await liveOf(running.url, operator)
    await snapshots.next()
    const ended = new Promise((resolve) => {
      socket.on('disconnect', () => resolve('ended'))
      socket.on('snapshot', () => resolve('told'))
    })
    await operator.post('api/session/end')
    socket.emit('watch', 'tiny')
    expect(await ended).toBe('ended')
  })

  test.each(['websocket', 'polling'] as const)('is opened by no other page, over %s', async (transport) => {
    const running = await federation()
    const { cookie } = await signedIn(running)
    const refused = await live(running.url, { cookie, origin: 'https://evil.example' }, transport)
    expect(refused).toMatch(/error/)
  })

  test('is opened under no name that is not the coordinator’s', async () => {
    const running = await federation()
    const { cookie } = await signedIn(running)
    const host = 'evil.example'
    expect(await live(running.url, { cookie, host, origin: `http://${host}` })).toMatch(/error/)
  })

  test('hangs up on a page that asks for more snapshots than one needs', async () => {
    const running = await federation()
    const { socket } = await liveOf(running.url, await signedIn(running))
    const ended = new Promise((resolve) => {
      socket.on('disconnect', resolve)
    })
    for (let i = 0; i < 21; i++) socket.emit('resync')
    await ended
  })
})
