import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FramePage, Leaving, PolicyText } from '@tessera/shared/dashboard/site-api'
import { deltaBytes, deltaParts } from '@tessera/shared/delta'
import { sha256Hex } from '@tessera/shared/security'
import { LINK_LIFETIME_MS, SESSION_IDLE_MS } from '@tessera/shared/web'
import type { AgentEvent } from '@tessera/site-agent'
import { describe, expect, test } from 'vitest'
import type { CheckedTiles } from '../../../site-agent/data-check/check-tiles.ts'
import { hasLeft, isApproved, isPaused, loadPolicy } from '../../../site-agent/policy/index.ts'
import { loadSite } from '../../../site-agent/session/site-folder.ts'
import { TINY_LAYOUT } from '../../support/mini-coordinator.ts'
import { type ASite, aSite, auditOf, writeAudit } from './a-site.ts'

const API = '/dashboard/api'
const ACTS = [
  'session/end',
  'pause',
  'resume',
  'approve',
  'leave',
  'audit/verify',
  'data/check',
  'policy/read',
  'policy/sign',
]
const READS = ['session', 'live', 'frames', 'frames.csv', 'leaving', 'policy']
const PAYLOAD = 'b'.repeat(64)
const trained = (round = 1): AgentEvent => ({
  kind: 'trained',
  round,
  base: 'c'.repeat(64),
  encoding: 'f32',
  bytes: deltaBytes(TINY_LAYOUT),
  payload: PAYLOAD,
  policyHash: 'd'.repeat(64),
  samples: 12,
  metrics: { loss: 0.5, ce: 0.5, kl: null, nce: null, correct: null, seen: 12, skippedTiles: 0, seconds: 1 },
})
const codeOf = async (reply: Response): Promise<string> => ((await reply.json()) as { code: string }).code
const post = (site: ASite, path: string, body: unknown = {}) =>
  site.ask(`${API}/${path}`, { method: 'POST', body })

describe('a stranger', () => {
  test('learns nothing and does nothing without a session, although the port is open to all of this machine', async () => {
    const site = await aSite()
    for (const path of READS) {
      const reply = await site.ask(`${API}/${path}`)
      expect([path, reply.status, await codeOf(reply)]).toEqual([path, 401, 'ERR_SIGN_IN'])
    }
    for (const path of ACTS) {
      const reply = await post(site, path)
      expect([path, await codeOf(reply)]).toEqual([path, 'ERR_SIGN_IN'])
    }
    expect(isPaused(site.dir)).toBe(false)
  })

  test('signs in with a link once, within its time, and with no other', async () => {
    const site = await aSite()
    const [link, late] = [await site.link(), await site.link()]
    expect((await post(site, 'session', { link })).status).toBe(200)
    expect(await codeOf(await post(site, 'session', { link }))).toBe('ERR_LINK_INVALID')
    expect(await codeOf(await post(site, 'session', { link: 'A'.repeat(43) }))).toBe('ERR_LINK_INVALID')
    expect(await codeOf(await post(site, 'session', { link: '../../site.json' }))).toBe('ERR_LINK_INVALID')
    site.clock.advance(LINK_LIFETIME_MS)
    expect(await codeOf(await post(site, 'session', { link: late }))).toBe('ERR_LINK_INVALID')
  })

  test('who guesses links is stopped', async () => {
    const site = await aSite()
    const codes = new Set<string>()
    for (let i = 0; i < 12; i++)
      codes.add(await codeOf(await post(site, 'session', { link: 'A'.repeat(43) })))
    expect(codes).toEqual(new Set(['ERR_LINK_INVALID', 'ERR_RATE_LIMIT']))
  })

  test('a log is read again once for all who ask meanwhile', async () => {
    const { model } = await aSite()
    const reading = model.readAgain()
    expect(model.readAgain()).toBe(reading)
    await reading
    const next = model.readAgain()
    expect(next).not.toBe(reading)
    await next
  })

  test('who guesses links keeps nobody out who has one', async () => {
    const site = await aSite()
    for (let i = 0; i < 12; i++) await post(site, 'session', { link: 'A'.repeat(43) })
    expect((await post(site, 'session', { link: await site.link() })).status).toBe(200)
  })

  test('a session ends when its page is closed for an hour, and when its person ends it', async () => {
    const site = await aSite()
    await site.signIn()
    expect((await site.ask(`${API}/policy`)).status).toBe(200)
    await post(site, 'session/end')
    expect((await site.ask(`${API}/policy`)).status).toBe(401)
    await site.signIn()
    site.clock.advance(SESSION_IDLE_MS)
    expect((await site.ask(`${API}/policy`)).status).toBe(401)
  })

  test('the cookie is for this page alone: no script reads it, no other site sends it, another agent has another', async () => {
    const site = await aSite()
    const reply = await post(site, 'session', { link: await site.link() })
    expect(reply.headers.get('set-cookie')).toMatch(/^tessera-site-8470=.*HttpOnly.*SameSite=Strict/)
  })
})

describe('another page in the same browser', () => {
  test.each(['http://evil.example', 'http://127.0.0.1:9999', 'null'])(
    'from %s does nothing',
    async (origin) => {
      const site = await aSite()
      await site.signIn()
      const reply = await site.ask(`${API}/pause`, { method: 'POST', body: {}, headers: { origin } })
      expect(await codeOf(reply)).toBe('ERR_ORIGIN')
      expect(isPaused(site.dir)).toBe(false)
    },
  )

  test('a form does nothing: acts are JSON', async () => {
    const site = await aSite()
    await site.signIn()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const reply = await site.ask(`${API}/pause`, { method: 'POST', body: {}, headers })
    expect(await codeOf(reply)).toBe('ERR_ORIGIN')
  })

  test('under a name that somebody has made lead here learns nothing (DNS rebinding)', async () => {
    const site = await aSite()
    await site.signIn()
    for (const path of [`${API}/frames`, '/dashboard/', '/']) {
      const reply = await site.ask(path, { headers: { host: 'evil.example:8470' } })
      expect(await codeOf(reply)).toBe('ERR_ORIGIN')
    }
    expect((await site.ask(`${API}/frames`, { headers: { host: 'localhost:9000' } })).status).toBe(200)
  })

  test.each(ACTS)('%s is no address to get', async (path) => {
    const site = await aSite()
    await site.signIn()
    expect((await site.ask(`${API}/${path}`)).status).toBe(404)
  })
})

describe('the frames', () => {
  test('have their tensors and the receipt, the newest first, and pages', async () => {
    const site = await aSite()
    await site.signIn()
    const [first, second] = deltaParts(TINY_LAYOUT, 'f32')
    const why = `bytes 0 to ${(second?.offset ?? 0) + 1} of the delta of round 1`
    await writeAudit(auditOf(site), [
      ...Array.from({ length: 120 }, () => ({})),
      { kind: 'upload:chunk', study: 'tiny', round: 1, why },
      { kind: 'upload:chunk', study: 'gone', round: 1, why },
    ])
    const page = (await (await site.ask(`${API}/frames`)).json()) as FramePage
    expect(page.frames).toHaveLength(100)
    expect(page.frames[0]).toMatchObject({ seq: 122, tensors: null, receiptAtMs: null })
    expect(page.frames[1]?.tensors).toEqual({ names: [first?.name, second?.name], more: 0 })
    const next = (await (await site.ask(`${API}/frames?before=${page.next}`)).json()) as FramePage
    expect(next.frames.map(({ seq }) => seq)).toEqual(Array.from({ length: 22 }, (_, i) => 22 - i))
    expect(next.next).toBeNull()
  })

  test.each(['before=0', 'before=x', 'study=../tiny', 'kind=%00', 'day=2026'])(
    'refuses the question %s',
    async (asked) => {
      const site = await aSite()
      await site.signIn()
      expect(await codeOf(await site.ask(`${API}/frames?${asked}`))).toBe('ERR_USAGE')
    },
  )

  test('can be taken home as a table', async () => {
    const site = await aSite()
    await site.signIn()
    await writeAudit(auditOf(site), [{}, { study: 'tiny' }])
    const reply = await site.ask(`${API}/frames.csv`)
    expect(reply.headers.get('content-disposition')).toBe('attachment; filename="audit.csv"')
    expect((await reply.text()).split('\r\n')).toHaveLength(4)
  })

  test('of a log that was changed are refused with the line, and in the view', async () => {
    const site = await aSite()
    await site.signIn()
    await writeAudit(auditOf(site), [{}, {}])
    const text = await readFile(auditOf(site), 'utf8')
    await writeFile(auditOf(site), text.replace('"bytes":1', '"bytes":2'))
    expect(await codeOf(await site.ask(`${API}/frames`))).toBe('ERR_AUDIT_BROKEN')
    expect((await site.model.view()).departed).toMatchObject({
      chain: 'broken',
      sentence: 'audit line 2 must continue the chain, got another hash of the line before',
    })
  })
})

describe('the acts', () => {
  test('pause and resume', async () => {
    const site = await aSite()
    await site.signIn()
    await post(site, 'pause')
    expect(isPaused(site.dir)).toBe(true)
    expect((await site.model.view()).agent.pausedSinceMs).toBe(site.clock.now())
    await post(site, 'resume')
    expect(isPaused(site.dir)).toBe(false)
  })

  test('approve shows every tensor that would leave, and approves that update and no other', async () => {
    const site = await aSite()
    await site.signIn()
    expect(await codeOf(await site.ask(`${API}/leaving`))).toBe('ERR_ROUND_CLOSED')
    site.see(trained())
    const leaving = (await (await site.ask(`${API}/leaving`)).json()) as Leaving
    expect(leaving).toMatchObject({
      study: 'tiny',
      round: 1,
      samples: 12,
      encoding: 'f32',
      metrics: { correct: null },
    })
    expect(leaving.tensors).toHaveLength(TINY_LAYOUT.tensors.length)
    expect(leaving.tensors.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(leaving.bytes)

    expect(await codeOf(await post(site, 'approve', { round: 1, payload: 'a'.repeat(64) }))).toBe(
      'ERR_ROUND_CLOSED',
    )
    expect(await codeOf(await post(site, 'approve', { round: 2, payload: PAYLOAD }))).toBe('ERR_ROUND_CLOSED')
    expect(isApproved(site.dir, 'tiny', 1)).toBe(false)
    expect((await post(site, 'approve', { round: 1, payload: PAYLOAD })).status).toBe(200)
    expect(isApproved(site.dir, 'tiny', 1)).toBe(true)
    expect(isApproved(site.dir, 'tiny', 2)).toBe(false)
  })

  test('leave asks for the name of the study', async () => {
    const site = await aSite()
    await site.signIn()
    expect(await codeOf(await post(site, 'leave', { study: 'other' }))).toBe('ERR_USAGE')
    expect(await codeOf(await post(site, 'leave', { study: '../tiny' }))).toBe('ERR_USAGE')
    expect(hasLeft(site.dir, 'tiny')).toBe(false)
    await post(site, 'leave', { study: 'tiny' })
    expect(hasLeft(site.dir, 'tiny')).toBe(true)
  })

  test('a policy is read in words, signed with the site’s key, and not over another that came between', async () => {
    const site = await aSite()
    await site.signIn()
    const { text, sha256 } = (await (await site.ask(`${API}/policy`)).json()) as PolicyText
    const changed = text.replace('"approval":"none"', '"approval":"each-round"')
    expect(await (await post(site, 'policy/read', { text: changed })).json()).toMatchObject({
      rules: expect.arrayContaining([
        { rule: 'approval', name: 'approval', words: ['each round waits for a person here'] },
      ]),
    })
    expect(await codeOf(await post(site, 'policy/read', { text: 'nonsense: 1' }))).toBe('ERR_POLICY_FILE')
    expect(await codeOf(await post(site, 'policy/sign', { text: 'nonsense: 1', previous: sha256 }))).toBe(
      'ERR_POLICY_FILE',
    )
    expect(await codeOf(await post(site, 'policy/sign', { text: changed, previous: 'a'.repeat(64) }))).toBe(
      'ERR_USAGE',
    )
    expect(await readFile(join(site.dir, 'policy.yaml'), 'utf8')).toBe(text)

    expect(await (await post(site, 'policy/sign', { text: changed, previous: sha256 })).json()).toEqual({
      sha256: sha256Hex(changed),
    })
    expect((await loadPolicy(site.dir, await loadSite(site.dir))).policy.approval).toBe('each-round')
    site.see({ kind: 'policy', sha256 })
    expect((await site.model.view()).policy).toMatchObject({ sha256, file: 'signed', fault: '' })
  })

  test.each([
    ['pause', { extra: 1 }],
    ['approve', { round: 1, payload: '../x' }],
    ['policy/sign', { text: 'x'.repeat(64 * 1024 + 1), previous: PAYLOAD }],
  ])('%s refuses another body', async (path, body) => {
    const site = await aSite()
    await site.signIn()
    expect(await codeOf(await post(site, path, body))).toBe('ERR_USAGE')
  })

  test('a body above the limit is refused before it is looked at', async () => {
    const site = await aSite()
    expect(await codeOf(await post(site, 'session', { link: 'x'.repeat(300_000) }))).toBe(
      'ERR_BODY_TOO_LARGE',
    )
  })
})

describe('the check', () => {
  test('is begun once, tells how far it is, and then its report; its fault stays with it', async () => {
    let finish: (found: CheckedTiles) => void = () => undefined
    let begun = 0
    const site = await aSite({
      checkTiles: ({ onRead }) => {
        begun++
        onRead(3, 12)
        return new Promise((resolve) => {
          finish = resolve
        })
      },
    })
    await site.signIn()
    await Promise.all([post(site, 'data/check'), post(site, 'data/check')])
    await post(site, 'data/check')
    expect(begun).toBe(1)
    expect((await site.model.view()).data).toMatchObject({ state: 'checking', done: 3, total: 12 })
    finish({ report: null, empty: 0, blurred: 0, fault: { code: 'ERR_DATA_FOLDER', message: 'no' } })
    await expect.poll(async () => (await site.model.view()).data.state).toBe('checked')
    expect((await site.model.view()).data).toMatchObject({ fault: { code: 'ERR_DATA_FOLDER' }, tiles: 0 })
  })
})
