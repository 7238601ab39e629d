import { applySiteChange, type SiteView, type SiteViewChange } from '@tessera/shared/dashboard/site-view'
import { describe, expect, test } from 'vitest'
import { changeOf } from '../../../site-agent/dashboard/live.ts'
import { pause } from '../../../site-agent/policy/index.ts'
import { aSite } from './a-site.ts'

/** Events of a stream, one by one. */
async function* eventsOf(reply: Response): AsyncGenerator<{ event: string; data: unknown }> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of reply.body as unknown as AsyncIterable<Uint8Array>) {
    rest += decoder.decode(chunk, { stream: true })
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const fields = Object.fromEntries(
        rest
          .slice(0, end)
          .split('\n')
          .map((line) => line.split(/: (.*)/s)),
      )
      rest = rest.slice(end + 2)
      yield { event: String(fields['event']), data: JSON.parse(String(fields['data'])) }
    }
  }
}

/** Moves the clock on until the stream has said something. */
async function next(site: Awaited<ReturnType<typeof aSite>>, events: ReturnType<typeof eventsOf>) {
  const said = { isThere: false }
  const coming = events.next().finally(() => {
    said.isThere = true
  })
  while (!said.isThere) {
    // Not while it looks: a slow disk would take hours of this clock.
    if (site.clock.pending() > 0) site.clock.advance(500)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return (await coming).value as { event: string; data: SiteView & SiteViewChange }
}

describe('the live view', () => {
  test('is no place that somebody keeps by asking for its head', async () => {
    const site = await aSite()
    await site.signIn()
    await site.model.book()
    for (let i = 0; i < 16; i++) await site.ask('/dashboard/api/live', { method: 'HEAD' })
    const first = async (): Promise<string | undefined> => {
      const said = (await next(site, eventsOf(await site.ask('/dashboard/api/live')))) as
        | { event: string }
        | undefined
      return said?.event
    }
    await expect.poll(first).toBe('view')
  })

  test('is whole at first, then tells the sections that have changed, and nothing else', async () => {
    const site = await aSite()
    await site.signIn()
    // Read before: this clock runs faster than the disk.
    await site.model.book()
    const events = eventsOf(await site.ask('/dashboard/api/live'))
    const first = await next(site, events)
    expect(first.event).toBe('view')
    expect(first.data).toMatchObject({
      number: 0,
      site: { site: 'north', study: 'tiny' },
      agent: { state: 'starting', pausedSinceMs: null },
      departed: { chain: 'whole', lines: 0 },
      data: { state: 'unread' },
    })
    await pause(site.dir, site.clock.now())
    const second = await next(site, events)
    expect(second.event).toBe('change')
    expect(Object.keys(second.data).toSorted()).toEqual(['agent', 'number'])
    const view = applySiteChange(first.data, second.data)
    expect(view?.agent.pausedSinceMs).not.toBeNull()
    expect(view?.departed).toEqual(first.data.departed)
    await events.return(undefined)
  })

  test('ends with its session', async () => {
    const site = await aSite()
    await site.signIn()
    const events = eventsOf(await site.ask('/dashboard/api/live'))
    await next(site, events)
    await site.ask('/dashboard/api/session/end', { method: 'POST', body: {} })
    expect(await next(site, events)).toBeUndefined()
  })
})

describe('changeOf()', () => {
  const view = { number: 0, agent: { state: 'idle' }, round: null } as unknown as SiteView
  test('gives null when all sections are the same', () => {
    expect(changeOf(view, { ...view, number: 7 }, 1)).toBeNull()
  })

  test('numbers a change as it is told to', () => {
    const agent = { ...view.agent }
    expect(changeOf(view, { ...view, agent }, 3)).toEqual({ number: 3, agent })
  })
})

describe('applySiteChange()', () => {
  const view = { number: 4, agent: 'old', round: null } as unknown as SiteView
  const change = (number: number) => ({ number, agent: 'new' }) as unknown as SiteViewChange
  test('takes the next change in, leaves a known one, and says when one was missed', () => {
    expect(applySiteChange(view, change(5))).toEqual({ number: 5, agent: 'new', round: null })
    expect(applySiteChange(view, change(4))).toBe(view)
    expect(applySiteChange(view, change(6))).toBeNull()
  })
})
