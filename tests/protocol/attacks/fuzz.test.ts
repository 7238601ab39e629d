/**
 * @file Fuzzed frames at both ends, over real sockets: no crash, no rejection that nobody handles, no internal error, nothing left behind. The suite
 * sends some thousands; `npm run fuzz` sends all hundred thousand.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { TesseraError } from '@tessera/shared/errors'
import { coordinatorMessages, siteMessages } from '@tessera/shared/protocol'
import { generateKeyPair } from '@tessera/shared/security'
import { listChunks } from '@tessera/shared/transfer'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { federation, wholeRound } from '../../coordinator/federation.ts'
import { ask, codeOf, connect, deltaOf, joined } from '../../coordinator/raw-site.ts'
import { type AttackedAgent, attackedAgent } from './agent-under-attack.ts'
import { salvos } from './fuzzed-frames.ts'

const ALL = process.env.TESSERA_FUZZ === 'all'
/** At each end. */
const FRAMES = ALL ? 50_000 : 1_500
/** Another number gives other frames. */
const SEED = 20_261_125
/** A connection costs some milliseconds, and every fifth frame or so ends one. */
const TIMEOUT_MS = ALL ? 1_800_000 : 120_000
/** What may be left on the heap: 3 MB of compiled code and caches were after 1,500 frames, nothing more after 50,000; a socket held for each connection is 100 MB. */
const MAX_GROWTH_BYTES = 16 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const heapBytes = (): number => {
  collect()
  return process.memoryUsage().heapUsed
}
/** Sockets and the like that keep the process. */
const handles = (): number =>
  process.getActiveResourcesInfo().filter((name) => /^(TCP|Pipe|FSReq)/.test(name)).length

let unhandled: unknown[]
const note = (reason: unknown): void => void unhandled.push(reason)
beforeEach(() => {
  unhandled = []
  process.on('unhandledRejection', note)
  process.on('uncaughtException', note)
})
afterEach(() => {
  process.off('unhandledRejection', note)
  process.off('uncaughtException', note)
})

const HASH = 'a'.repeat(64)

describe('a coordinator', () => {
  test('stands fuzzed frames of strangers and of a site, and then holds a round', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { clock, url, key, keys, log, north, south } = await federation({}, { judging: {} })
    const bytes = deltaOf(0.01)
    const manifest = await north.manifest(await north.offer(), bytes)
    const chunks = listChunks(bytes).digests
    const messages: [keyof typeof siteMessages, object][] = [
      ['site:enroll', { request: manifest }],
      ['site:rotate', { request: manifest, proof: manifest }],
      ['key:fetch', { number: 1 }],
      ['session:join', { token: manifest }],
      ['ledger:fetch', { study: 'tiny', round: 1 }],
      ['ledger:show', { record: manifest }],
      ['model:open', { sha256: HASH }],
      ['model:chunk', { sha256: north.welcome.student, index: 0 }],
      ['round:progress', { study: 'tiny', round: 1, step: 1, steps: 2, loss: 1, secondsLeft: 1 }],
      // Of no round: what a fuzzer declines by chance would end the round that is to be held.
      ['round:decline', { study: 'tiny', round: 9, code: 'ERR_INTERNAL' }],
      ['upload:open', { manifest, chunks }],
      ['upload:chunk', { upload: 'u', index: 0, chunk: bytes.subarray(0, 100) }],
      ['upload:commit', { upload: 'u' }],
      // Of no round either.
      ['round:judge', { judgement: await north.judgement({ round: 9, student: HASH }) }],
    ]
    expect(new Set(messages.map(([event]) => event))).toEqual(new Set(Object.keys(siteMessages)))
    const all = salvos(messages, FRAMES, SEED)
    const [handlesBefore, heapBefore] = [handles(), heapBytes()]
    let sent = 0
    for (const [i, { frames, ends }] of all.entries()) {
      // Every other connection is that of a site: its frames reach further.
      const peer = i % 2 === 0 ? await connect(url) : await joined(url, key, 'north', keys.north)
      for (const frame of frames) peer.socket.io.engine.write(Buffer.from(frame))
      sent += frames.length
      if (ends) await peer.closed
      // Its answer says that the frames before it were looked at.
      else await codeOf(ask(peer.socket, 'model:open', { sha256: HASH }))
      peer.socket.disconnect()
      expect(log.filter(({ code }) => code === 'ERR_INTERNAL')).toEqual([])
      log.length = 0
    }
    expect(sent).toBe(FRAMES)
    expect(unhandled).toEqual([])
    clock.advance(1)
    const back = await joined(url, key, 'north', keys.north)
    await wholeRound([back, south], [0.01, 0.01])
    expect((await south.published()).contributors).toHaveLength(2)
    back.socket.disconnect()
    await expect.poll(handles).toBeLessThanOrEqual(handlesBefore)
    expect(heapBytes() - heapBefore).toBeLessThan(MAX_GROWTH_BYTES)
  })
})

/** A coordinator may end its agent for good, by a code: then another takes its place, as a person would start it. */
async function rejoined(agent: AttackedAgent, join: Promise<void>): Promise<AttackedAgent> {
  const code = await Promise.race([
    join.then(() => null),
    agent.outcome.then(
      () => 'no reason',
      (thrown: unknown) => (thrown as TesseraError).code,
    ),
  ])
  if (code === null) {
    await agent.mini.joined()
    return agent
  }
  expect(['ERR_MESSAGE_INVALID', 'ERR_PROTOCOL_VERSION', 'ERR_SITE_REVOKED']).toContain(code)
  const next = await attackedAgent({ clock: 'hasty', after: agent })
  return rejoined(next, next.nextJoin())
}

describe('an agent', () => {
  test('stands fuzzed frames of its coordinator, and then trains a round', {
    timeout: TIMEOUT_MS,
  }, async () => {
    let agent = await attackedAgent({ clock: 'hasty' })
    const { mini } = agent
    agent = await rejoined(agent, agent.nextJoin())
    const offer = await mini.signedOffer({}, await generateKeyPair())
    const messages: [keyof typeof coordinatorMessages, object][] = [
      ['session:challenge', { protocol: 1, nonce: 'n'.repeat(22) }],
      ['session:refused', { code: 'ERR_TIMED_OUT', message: 'm' }],
      ['session:snapshot', { welcome: offer }],
      ['round:offer', { offer }],
      ['round:published', { record: offer }],
    ]
    expect(new Set(messages.map(([event]) => event))).toEqual(new Set(Object.keys(coordinatorMessages)))
    const all = salvos(messages, FRAMES, SEED)
    const [handlesBefore, heapBefore] = [handles(), heapBytes()]
    let sent = 0
    for (const { frames } of all) {
      for (const frame of frames) mini.write(frame)
      sent += frames.length
      mini.cut()
      agent = await rejoined(agent, agent.nextJoin())
      mini.said.length = 0
      expect(agent.log.filter(({ code }) => code === 'ERR_INTERNAL')).toEqual([])
      agent.log.length = 0
    }
    expect(sent).toBe(FRAMES)
    expect(unhandled).toEqual([])
    await mini.offer()
    await expect.poll(() => agent.events.some(({ kind }) => kind === 'delivered')).toBe(true)
    await expect.poll(handles).toBeLessThanOrEqual(handlesBefore)
    expect(heapBytes() - heapBefore).toBeLessThan(MAX_GROWTH_BYTES)
  })
})
