import { createHash } from 'node:crypto'
import { type Layout, layoutHash } from '@tessera/shared/model'
import { CHUNK_BYTES, encodeFrame } from '@tessera/shared/protocol'
import { sha256Hex, signPayload } from '@tessera/shared/security'
import { chunkOf } from '@tessera/shared/transfer'
import { CompactSign } from 'jose'
import { describe, expect, test } from 'vitest'
import { createGate } from '../../../site-agent/uplink/gate.ts'
import { aManifest, HASH } from '../../support/signed-parts.ts'
import { aGuard } from '../../support/site-policy.ts'
import {
  announcement,
  bytes,
  chunks,
  delta,
  event,
  gateWithAudit,
  keys,
  openGate,
  sign,
  study,
} from './open-gate.ts'

describe('gate.pass()', () => {
  test('writes size, hash and reason of each frame before it gives it away', async () => {
    const { gate, entries } = await openGate()
    const frame = gate.pass(event('upload:commit', { upload: 'u' }))
    expect((await entries()).at(-1)).toMatchObject({
      kind: 'upload:commit',
      bytes: frame.length,
      sha256: sha256Hex(frame),
      why: 'all of the delta of round 1 is sent',
    })
  })

  test("the hash of a chunk's frame is that of the frame with the chunk's own hash in its place", async () => {
    const { gate, entries } = await openGate()
    const frame = gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk: bytes }))
    const chunk = createHash('sha256').update(bytes).digest()
    const named = encodeFrame(event('upload:chunk', { upload: 'u', index: 0, chunk }))
    expect((await entries()).at(-1)).toMatchObject({
      kind: 'upload:chunk',
      bytes: frame.length,
      sha256: sha256Hex(named),
      why: 'bytes 0 to 32 of the delta of round 1',
    })
  })

  test('gives no frame when the audit line cannot be written', async () => {
    const full = {
      append() {
        throw new Error('disk full')
      },
      recorded: async () => undefined,
      close: async () => undefined,
    }
    const guard = aGuard()
    const gate = createGate(full, () => guard)
    expect(() => gate.pass({ type: 0, nsp: '/' })).toThrow('disk full')
  })

  test('lets all messages of a session pass, each with its reason', async () => {
    const { gate, entries } = await openGate()
    const base = { protocol: 1, site: 'north', issuedAtMs: 1 }
    const publicKey = keys.publicKey
    const enrol = { ...base, kit: 'k'.repeat(22), publicKey, proof: 'p' }
    const change = { ...base, from: publicKey, to: publicKey, coordinator: publicKey }
    const joinClaim = {
      ...base,
      study: 'tiny',
      nonce: 'n'.repeat(22),
      coordinator: publicKey,
      agentVersion: '1',
      instance: 'i'.repeat(22),
      ledger: null,
      work: null,
    }
    const packets = [
      { type: 0, nsp: '/' },
      { type: 3, nsp: '/', id: 1, data: [{ ok: true }] },
      event('site:enroll', { request: await signPayload('enrolRequest', enrol, keys.privateKey) }),
      event('session:join', { token: await signPayload('joinToken', joinClaim, keys.privateKey) }),
      event('site:rotate', {
        request: await signPayload('siteKeyChange', change, keys.privateKey),
        proof: await signPayload('siteKeyChange', change, keys.privateKey),
      }),
      event('key:fetch', { number: 1 }),
      event('ledger:fetch', { study: 'tiny', round: 1 }),
      event('model:open', { sha256: HASH('a') }),
      event('model:chunk', { sha256: HASH('a'), index: 0 }),
      event('round:progress', { study: 'tiny', round: 1, step: 1, steps: 2, loss: 0.5, secondsLeft: null }),
      event('round:decline', { study: 'tiny', round: 1, code: 'ERR_TRAINING_DIVERGED' }),
      event('upload:commit', { upload: 'u' }),
      { type: 1, nsp: '/' },
    ]
    for (const packet of packets) expect(gate.pass(packet)).toEqual(encodeFrame(packet))
    const written = await entries()
    expect(written.map(({ kind }) => kind)).toEqual([
      'upload:open',
      'connect',
      'answer',
      'site:enroll',
      'session:join',
      'site:rotate',
      'key:fetch',
      'ledger:fetch',
      'model:open',
      'model:chunk',
      'round:progress',
      'round:decline',
      'upload:commit',
      'disconnect',
    ])
    expect(new Set(written.map(({ why }) => why)).size).toBe(written.length)
  })

  const progress = { study: 'tiny', round: 1, step: 1, steps: 2, loss: 0.5, secondsLeft: null }
  test.each([
    ['a message that nobody declared', event('tile:send', { tile: new Uint8Array(9) })],
    ['a name that every object has', event('constructor', {})],
    ['a message of the other side', event('round:offer', { offer: 'x' })],
    ['a field more', event('round:progress', { ...progress, tile: 'x' })],
    ['a field that holds a list of losses', event('round:progress', { ...progress, loss: [1, 2] })],
    ['another study', event('round:progress', { ...progress, study: 'other' })],
    ['a second argument', { type: 2, nsp: '/', data: ['upload:commit', { upload: 'u' }, 'more'] }],
    ['a code that is none', event('round:decline', { study: 'tiny', round: 1, code: 'patient 7' })],
    ['another namespace', { ...event('upload:commit', { upload: 'u' }), nsp: '/x' }],
    ['data with a connect packet', { type: 0, nsp: '/', data: { note: 'x' } }],
    ['data with a disconnect packet', { type: 1, nsp: '/', data: 'x' }],
    ['an error packet', { type: 4, nsp: '/', data: 'x' }],
    ['a binary packet', { type: 5, nsp: '/', data: ['x'] }],
    ['an answer with a field', { type: 3, nsp: '/', id: 1, data: [{ ok: true, tile: 'x' }] }],
    ['an answer that is a text', { type: 3, nsp: '/', id: 1, data: ['x'] }],
    [
      'a refusal without a code of ours',
      { type: 3, nsp: '/', id: 1, data: [{ ok: false, code: 'x', message: '' }] },
    ],
  ])('refuses %s with ERR_GATE_MESSAGE and writes nothing', async (_, packet) => {
    const { gate, entries } = await openGate()
    const before = (await entries()).length
    expect(() => gate.pass(packet)).toThrow(expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }))
    expect(await entries()).toHaveLength(before)
  })

  test('refuses a signed part with a field more, in payload or header', async () => {
    const { gate } = await openGate()
    const smuggle = (header: object, payload: object) =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'EdDSA', typ: 'manifest', ...header })
        .sign(keys.privateKey)
    const manifest = aManifest(announcement)
    const inPayload = await smuggle({}, { ...manifest, files: ['a.png'] })
    const inHeader = await smuggle({ kid: 'a.png' }, manifest)
    for (const [token, code] of [
      [inPayload, 'ERR_MESSAGE_INVALID'],
      [inHeader, 'ERR_SIGNATURE_INVALID'],
    ]) {
      expect(() => gate.pass(event('upload:open', { manifest: token, chunks }))).toThrow(
        expect.objectContaining({ code }),
      )
    }
  })

  test.each([
    ['another layout', { layoutHash: HASH('f') }, 'ERR_GATE_TENSOR'],
    ['another site', { site: 'south' }, 'ERR_GATE_TENSOR'],
    ['another payload', { payload: HASH('f') }, 'ERR_GATE_TENSOR'],
    ['another size', { bytes: 36 }, 'ERR_GATE_SIZE'],
    ['another study', { study: 'other' }, 'ERR_GATE_MESSAGE'],
    ['another policy', { policyHash: HASH('f') }, 'ERR_GATE_MESSAGE'],
  ])('refuses a manifest of %s', async (_, changes, code) => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    const manifest = await sign(changes)
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(
      expect.objectContaining({ code }),
    )
  })

  test.each([
    ['others', new Uint8Array(32)],
    ['one more', Uint8Array.of(...chunks, ...chunks)],
    ['room for an image', new Uint8Array(65_536)],
    ['none', new Uint8Array()],
  ])('refuses a list of chunks with %s', async (_, list) => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    gate.admitDelta(delta)
    const manifest = await sign()
    expect(() => gate.pass(event('upload:open', { manifest, chunks: list }))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_TENSOR' }),
    )
  })

  test('tells the chunks of a delta apart', async () => {
    const { gate } = await gateWithAudit()
    const count = 9 * (CHUNK_BYTES / 4)
    const wide: Layout = {
      architecture: 'test',
      tensors: [{ name: 'w', shape: [count], kind: 'trainable' }],
    }
    gate.admitStudy({ ...study, layout: wide })
    gate.admitTiles([6, 6])
    const values = new Float32Array(count)
    for (let i = 0; i < 9; i++) values[i * (CHUNK_BYTES / 4)] = i
    const encoded = gate.admitDelta(new Map([['w', values]]))
    const manifest = await sign({
      layoutHash: layoutHash(wide),
      bytes: encoded.bytes.length,
      payload: encoded.payload,
    })
    gate.pass(event('upload:open', { manifest, chunks: encoded.chunks }))
    const send = (index: number, of: number) =>
      gate.pass(event('upload:chunk', { upload: 'u', index, chunk: chunkOf(encoded.bytes, of) }))
    send(8, 8)
    send(7, 7)
    expect(() => send(7, 8)).toThrow(expect.objectContaining({ code: 'ERR_GATE_TENSOR' }))
    expect(() => send(9, 0)).toThrow(expect.objectContaining({ code: 'ERR_GATE_SIZE' }))
  })

  test('a delta takes the memory of the one before, of which nothing may leave any more', async () => {
    const { gate } = await openGate()
    const before = gate.admitDelta(delta)
    const copy = before.bytes.slice()
    const next = gate.admitDelta(
      new Map([...delta].map(([name, values]) => [name, values.map((x) => x + 1)])),
    )
    expect(next.bytes.buffer).toBe(before.bytes.buffer)
    expect([next.payload, next.chunks]).not.toEqual([before.payload, before.chunks])
    for (const chunk of [copy, next.bytes])
      expect(() => gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk }))).toThrow(
        expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }),
      )
    const manifest = await sign({ payload: before.payload })
    expect(() => gate.pass(event('upload:open', { manifest, chunks: before.chunks }))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_TENSOR' }),
    )
  })

  test('refuses a manifest when no delta was admitted', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    const manifest = await sign()
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_SIZE' }),
    )
  })

  test.each([
    ['bytes that are not the delta’s', { index: 0, chunk: new Uint8Array(32).fill(200) }, 'ERR_GATE_TENSOR'],
    ['a part of a chunk', { index: 0, chunk: bytes.slice(0, 8) }, 'ERR_GATE_TENSOR'],
    ['more bytes than the delta has', { index: 0, chunk: new Uint8Array(40) }, 'ERR_GATE_SIZE'],
    ['a chunk behind the end', { index: 1, chunk: new Uint8Array(4) }, 'ERR_GATE_SIZE'],
    ['nothing behind the end', { index: 1, chunk: new Uint8Array() }, 'ERR_GATE_SIZE'],
    ['a chunk above the limit', { index: 0, chunk: new Uint8Array(CHUNK_BYTES + 1) }, 'ERR_GATE_MESSAGE'],
  ])('refuses %s', async (_, body, code) => {
    const { gate } = await openGate()
    expect(() => gate.pass(event('upload:chunk', { upload: 'u', ...body }))).toThrow(
      expect.objectContaining({ code }),
    )
  })

  test('refuses a chunk and a commit before the announcement', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    gate.admitDelta(delta)
    for (const packet of [
      event('upload:chunk', { upload: 'u', index: 0, chunk: bytes }),
      event('upload:commit', { upload: 'u' }),
    ]) {
      expect(() => gate.pass(packet)).toThrow(expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }))
    }
  })

  test('a new delta closes the gate for the announcement before', async () => {
    const { gate } = await openGate()
    gate.admitDelta(new Map([...delta, ['w', new Float32Array(6)]]))
    expect(() => gate.pass(event('upload:commit', { upload: 'u' }))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }),
    )
  })

  test('refuses a frame with room for an image', async () => {
    const { gate } = await gateWithAudit()
    const message = 'x'.repeat(1000)
    const token = await signPayload(
      'manifest',
      aManifest({ ...announcement, nonce: 'n'.repeat(64) }),
      keys.privateKey,
    )
    expect(token.length).toBeLessThan(16 * 1024)
    gate.pass({ type: 3, nsp: '/', id: 1, data: [{ ok: false, code: 'ERR_INTERNAL', message }] })
    // A number may be written at any length: the schema cannot see that, the size can.
    const long = await new CompactSign(
      new TextEncoder().encode(`${JSON.stringify(aManifest(announcement))}${' '.repeat(20_000)}`),
    )
      .setProtectedHeader({ alg: 'EdDSA', typ: 'manifest' })
      .sign(keys.privateKey)
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    expect(() => gate.pass(event('upload:open', { manifest: long, chunks }))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_SIZE' }),
    )
  })
})
