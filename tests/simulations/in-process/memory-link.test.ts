import type { SiteSocket } from '@tessera/coordinator'
import { createParser } from '@tessera/shared/protocol'
import type { DialledSocket } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import { memoryDial } from '../../../simulations/in-process/memory-link.ts'

/** Lines to one coordinator, and the sites' answers that are not given yet. */
function connect(count: number): {
  sites: DialledSocket[]
  coordinators: SiteSocket[]
  heard: { site: number; answer: () => void }[]
} {
  const coordinators: SiteSocket[] = []
  const heard: { site: number; answer: () => void }[] = []
  const dial = memoryDial((socket) => void coordinators.push(socket))
  const sites = Array.from({ length: count }, (_, site) => {
    const socket = dial('http://127.0.0.1:9', { ...createParser(), recorded: async () => undefined })
    socket.on('round:offer', (...args: unknown[]) => {
      const answer = args.at(-1) as (reply: object) => void
      heard.push({ site, answer: () => answer({ ok: true }) })
    })
    return socket
  })
  return { sites, coordinators, heard }
}

describe('memoryDial()', () => {
  test('lets sixteen sites look at a question at the same time, and the next when one has answered or is gone', async () => {
    const { sites, coordinators, heard } = connect(19)
    await expect.poll(() => coordinators.length).toBe(19)
    for (const socket of coordinators) socket.emit('round:offer', { offer: 'x' }, () => undefined)
    await expect.poll(() => heard.length).toBe(16)
    // Whoever looks at one is told the next all the same.
    coordinators[0]?.emit('round:offer', { offer: 'y' }, () => undefined)
    await expect.poll(() => heard.map(({ site }) => site).filter((site) => site === 0).length).toBe(2)
    heard[1]?.answer()
    await expect.poll(() => heard.length).toBe(18)
    sites[2]?.disconnect()
    await expect.poll(() => heard.length).toBe(19)
    expect(heard.map(({ site }) => site).toSorted((a, b) => a - b)).toEqual([0, ...Array(18).keys()])
    // One that goes while it waits takes nothing with it.
    sites[18]?.disconnect()
    heard[3]?.answer()
    heard[4]?.answer()
    coordinators[5]?.emit('round:offer', { offer: 'z' }, () => undefined)
    await expect.poll(() => heard.length).toBe(20)
    expect(heard.at(-1)?.site).toBe(5)
  })
})
