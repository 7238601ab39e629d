import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { encodeDelta } from '@tessera/shared/delta'
import { type Layout, layoutHash, type Weights } from '@tessera/shared/model'
import { CHUNK_BYTES, encodeFrame } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { generateKeyPair, type KeyPair, sha256Hex, signPayload } from '@tessera/shared/security'
import { chunkOf, listChunks, listHash } from '@tessera/shared/transfer'
import { CompactSign } from 'jose'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { GuardOptions } from '../../../site-agent/policy/guard.ts'
import type { Policy } from '../../../site-agent/policy/index.ts'
import { clipDelta } from '../../../site-agent/policy/index.ts'
import { type AuditEntry, openAudit, verifyAudit } from '../../../site-agent/uplink/audit.ts'
import { createGate, type Gate, gatedParser } from '../../../site-agent/uplink/gate.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { aManifest, HASH } from '../../support/signed-parts.ts'
import { aGuard, KEY, POLICY_HASH } from '../../support/site-policy.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const layout: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'w', shape: [2, 3], kind: 'trainable' },
    { name: 'mean', shape: [2], kind: 'statistic' },
    { name: 'secret', shape: [4], kind: 'local-only' },
  ],
}
const delta: Weights = new Map([
  ['w', Float32Array.of(1, 2, 3, 4, 5, 6)],
  ['mean', Float32Array.of(7, 8)],
])
const bytes = encodeDelta(layout, delta)
const list = listChunks(bytes)
const chunks = list.digests
const study = { site: 'north', study: 'tiny', layout, coordinatorKey: KEY, teacher: null, batchSize: 8 }
const announcement = {
  layoutHash: layoutHash(layout),
  bytes: bytes.length,
  payload: listHash(list),
  policyHash: POLICY_HASH,
}

let keys: KeyPair
beforeAll(async () => {
  keys = await generateKeyPair()
})
const sign = (changes = {}) =>
  signPayload('manifest', aManifest({ ...announcement, ...changes }), keys.privateKey)
const event = (name: string, body: unknown) => ({ type: 2, nsp: '/', id: 0, data: [name, body] })

async function gateWithAudit(
  rules: Partial<Policy> = {},
  world: Partial<GuardOptions> = {},
  clock = fakeClock(),
): Promise<{ gate: Gate; entries: () => Promise<AuditEntry[]> }> {
  const file = join(await temporaryFolder(), 'audit.jsonl')
  const guard = aGuard(rules, { now: () => clock.now(), ...world })
  const audit = await openAudit(file, clock, (entry) => guard.totals.add(entry))
  onTestFinished(() => audit.close())
  return {
    gate: createGate(audit, guard),
    async entries() {
      const entries: AuditEntry[] = []
      await verifyAudit(file, (entry) => entries.push(entry))
      return entries
    },
  }
}

/** A gate that has announced the delta. */
async function openGate(rules: Partial<Policy> = {}) {
  const both = await gateWithAudit(rules)
  both.gate.admitStudy(study)
  both.gate.admitTiles([6, 6])
  both.gate.admitDelta(delta)
  both.gate.pass(event('upload:open', { manifest: await sign(), chunks }))
  return both
}

describe('an encoding that is not exact', () => {
  const int8 = { ...study, encoding: 'int8' } as const
  const encoded = encodeDelta(layout, delta, { encoding: 'int8', random: createRandom('r') })
  const list = listChunks(encoded)
  const { digests: chunks } = list
  const announced = {
    bytes: encoded.length,
    payload: listHash(list),
    encoding: 'int8',
  } as const

  test('is made by the gate, and its bytes alone pass', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(int8)
    gate.admitTiles([6, 6])
    expect(gate.admitDelta(delta, createRandom('r')).bytes).toEqual(encoded)
    gate.pass(event('upload:open', { manifest: await sign(announced), chunks }))
    gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk: encoded }))
    const other = encoded.toReversed()
    expect(() => gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk: other }))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_TENSOR' }),
    )
  })
  test('is not announced as another', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(int8)
    gate.admitDelta(delta, createRandom('r'))
    for (const [changes, code] of [
      [{ ...announced, encoding: 'f32' as const }, 'ERR_GATE_TENSOR'],
      [{ ...announced, bytes: bytes.length }, 'ERR_GATE_SIZE'],
    ] as const) {
      const manifest = await sign(changes)
      expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(
        expect.objectContaining({ code }),
      )
    }
  })
})

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
    const gate = createGate(full, aGuard())
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

describe('gate.admitDelta()', () => {
  test.each([
    ['a tensor more', new Map([...delta, ['queue', Float32Array.of(1)]]), 'ERR_GATE_TENSOR'],
    ['a local-only tensor', new Map([...delta, ['secret', new Float32Array(4)]]), 'ERR_GATE_TENSOR'],
    ['a tensor less', new Map([...delta].slice(0, 1)), 'ERR_GATE_TENSOR'],
    ['another order', new Map([...delta].toReversed()), 'ERR_GATE_TENSOR'],
    ['a longer tensor', new Map([...delta, ['w', new Float32Array(7)]]), 'ERR_TENSOR_SHAPE'],
  ])('refuses %s', async (_, wrong, code) => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    expect(() => gate.admitDelta(wrong)).toThrow(expect.objectContaining({ code }))
  })

  test('refuses any delta before a study is admitted', async () => {
    const { gate } = await gateWithAudit()
    expect(() => gate.admitDelta(delta)).toThrow(expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }))
  })
})

describe('gate.admitStudy()', () => {
  test('refuses a study that the policy does not allow', async () => {
    const { gate } = await gateWithAudit({ statisticsMayLeave: false })
    expect(() => gate.admitStudy(study)).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_STUDY',
        message: 'policy.yaml: batch-norm statistics must stay at the site, got mean in the delta',
      }),
    )
  })
  test('refuses every study as long as no policy is signed, and lets enrolment and joining pass', async () => {
    const file = join(await temporaryFolder(), 'audit.jsonl')
    const audit = await openAudit(file, fakeClock())
    onTestFinished(() => audit.close())
    const gate = createGate(audit, null)
    expect(() => gate.admitStudy(study)).toThrow(expect.objectContaining({ code: 'ERR_POLICY_UNSIGNED' }))
    expect(gate.pass({ type: 0, nsp: '/' })).toEqual(encodeFrame({ type: 0, nsp: '/' }))
  })
})

describe('gatedParser()', () => {
  test('encodes through the gate', async () => {
    const { gate } = await gateWithAudit()
    const encoder = new (gatedParser(gate).Encoder)()
    expect(encoder.encode({ type: 0, nsp: '/' })).toEqual([encodeFrame({ type: 0, nsp: '/' })])
    expect(() => encoder.encode(event('tile:send', {}))).toThrow(
      expect.objectContaining({ code: 'ERR_GATE_MESSAGE' }),
    )
  })
})

describe('the policy at the gate', () => {
  const metrics = aManifest().metrics
  const progress = (loss: number | null) =>
    event('round:progress', { study: 'tiny', round: 1, step: 1, steps: 2, loss, secondsLeft: null })
  const code = (code: string) => expect.objectContaining({ code })

  test('marks each line of a study with study and round, for the sums', async () => {
    const { gate, entries } = await openGate()
    gate.pass(event('upload:chunk', { upload: 'u', index: 0, chunk: bytes.slice() }))
    gate.pass(event('upload:commit', { upload: 'u' }))
    gate.pass({ type: 1, nsp: '/' })
    expect((await entries()).map(({ kind, study, round }) => [kind, study, round])).toEqual([
      ['upload:open', 'tiny', 1],
      ['upload:chunk', 'tiny', 1],
      ['upload:commit', 'tiny', 1],
      ['disconnect', undefined, undefined],
    ])
  })

  test('withholds means when a class has too few tiles: from the manifest, and from progress', async () => {
    const { gate } = await gateWithAudit({ smallestClassCount: 4 })
    gate.admitStudy(study)
    gate.admitTiles([9, 3])
    gate.admitDelta(delta)
    const open = await sign()
    expect(() => gate.pass(event('upload:open', { manifest: open, chunks }))).toThrow(
      expect.objectContaining({
        code: 'ERR_GATE_MESSAGE',
        message: "manifest's loss must be withheld by the policy, got a value",
      }),
    )
    expect(gate.mayTellLoss()).toBe(false)
    expect(() => gate.pass(progress(0.5))).toThrow(code('ERR_GATE_MESSAGE'))
    gate.pass(progress(null))
    const told = gate.admitMetrics(10, metrics)
    expect(told).toMatchObject({ loss: null, ce: null, kl: null, nce: null, correct: null, seen: 10 })
    gate.pass(event('upload:open', { manifest: await sign({ metrics: told }), chunks }))
  })

  test('withholds means as long as nobody has counted the tiles', async () => {
    const { gate } = await gateWithAudit()
    gate.admitStudy(study)
    expect(gate.mayTellLoss()).toBe(false)
    expect(gate.admitMetrics(10, metrics).loss).toBeNull()
  })

  test('withholds the loss of a step over fewer tiles than the smallest count', async () => {
    const { gate } = await gateWithAudit({ smallestSampleCount: 9 })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    expect(() => gate.pass(progress(0.5))).toThrow(code('ERR_GATE_MESSAGE'))
    gate.pass(progress(null))
  })

  test('refuses too few tiles, before the training and in the manifest', async () => {
    const { gate } = await gateWithAudit({ smallestSampleCount: 12 })
    gate.admitStudy(study)
    expect(() => gate.admitTiles([5, 6])).toThrow(code('ERR_POLICY_SAMPLES'))
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    expect(() => gate.admitMetrics(11, metrics)).toThrow(code('ERR_POLICY_SAMPLES'))
    const manifest = await sign({ samples: 11 })
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(code('ERR_POLICY_SAMPLES'))
  })

  test('refuses a delta that is not clipped', async () => {
    const { gate } = await gateWithAudit({ normClip: 9 })
    gate.admitStudy(study)
    expect(() => gate.admitDelta(delta)).toThrow(
      expect.objectContaining({
        code: 'ERR_GATE_TENSOR',
        message: 'delta must be clipped to a norm of 9, got 9.539',
      }),
    )
    gate.admitDelta(clipDelta(layout, delta, gate.normClip))
  })

  test('lets nothing of a study leave while the site is paused, from the very next frame on', async () => {
    let paused = false
    const { gate, entries } = await gateWithAudit({}, { isPaused: () => paused })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    gate.pass(event('upload:open', { manifest: await sign(), chunks }))
    const chunk = event('upload:chunk', { upload: 'u', index: 0, chunk: bytes.slice() })
    paused = true
    const before = (await entries()).length
    const ofTheStudy = [
      chunk,
      event('upload:open', { manifest: await sign(), chunks }),
      event('upload:commit', { upload: 'u' }),
      event('model:chunk', { sha256: HASH('a'), index: 0 }),
      event('round:decline', { study: 'tiny', round: 1, code: 'ERR_TRAINING_DIVERGED' }),
      progress(null),
    ]
    for (const packet of ofTheStudy) expect(() => gate.pass(packet)).toThrow(code('ERR_POLICY_PAUSED'))
    expect(() => gate.assertRound('train', 2)).toThrow(code('ERR_POLICY_PAUSED'))
    expect(await entries()).toHaveLength(before)
    // The connection may stay: what keeps it passes.
    gate.pass({ type: 0, nsp: '/' })
    gate.pass({ type: 3, nsp: '/', id: 1, data: [{ ok: true }] })
    paused = false
    gate.pass(chunk)
  })

  test('a refused announcement announces nothing', async () => {
    let paused = true
    const { gate } = await gateWithAudit({}, { isPaused: () => paused })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    const manifest = await sign()
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(code('ERR_POLICY_PAUSED'))
    paused = false
    expect(() => gate.pass(event('upload:commit', { upload: 'u' }))).toThrow(code('ERR_GATE_MESSAGE'))
  })

  test('lets only joining and fetching pass in a dry run', async () => {
    const { gate } = await gateWithAudit({}, { dryRun: true })
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    gate.pass({ type: 0, nsp: '/' })
    gate.pass(event('model:chunk', { sha256: HASH('a'), index: 0 }))
    const manifest = await sign()
    for (const packet of [progress(null), event('upload:open', { manifest, chunks })]) {
      expect(() => gate.pass(packet)).toThrow(
        expect.objectContaining({
          code: 'ERR_POLICY_PAUSED',
          message: expect.stringContaining('must stay here in a dry run'),
        }),
      )
    }
  })

  test('counts every byte of a round’s upload against its limit, those sent twice too', async () => {
    const { gate } = await openGate({ largestUpload: { roundBytes: 1200, dayBytes: 1e6 } })
    const chunk = event('upload:chunk', { upload: 'u', index: 0, chunk: bytes.slice() })
    expect(() => {
      for (let i = 0; i < 20; i++) gate.pass(chunk)
    }).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_LIMIT',
        message: expect.stringMatching(
          /^policy.yaml: bytes of a round’s upload must be at most 1200, got 1\d\d\d on /,
        ),
      }),
    )
  })

  test('asks before a round what its upload would meet', async () => {
    const { gate } = await gateWithAudit({ largestUpload: { roundBytes: 30_000, dayBytes: 1e6 } })
    gate.admitStudy(study)
    expect(() => gate.assertRound('train', 1)).toThrow(code('ERR_POLICY_LIMIT'))
  })

  test('waits with the upload for an approval where the policy wants one', async () => {
    const approved = new Set<number>()
    const { gate } = await gateWithAudit(
      { approval: 'each-round' },
      { isApproved: (study, round) => study === 'tiny' && approved.has(round) },
    )
    gate.admitStudy(study)
    gate.admitTiles([6, 6])
    gate.admitDelta(delta)
    gate.assertRound('train', 1)
    const manifest = await sign()
    expect(() => gate.assertRound('send', 1)).toThrow(code('ERR_POLICY_APPROVAL'))
    expect(() => gate.pass(event('upload:open', { manifest, chunks }))).toThrow(
      expect.objectContaining({
        code: 'ERR_POLICY_APPROVAL',
        message: 'round 1 must be approved (tessera site approve 1 --study tiny), got no answer yet',
      }),
    )
    approved.add(1)
    gate.assertRound('send', 1)
    gate.pass(event('upload:open', { manifest, chunks }))
  })
})
