import {
  admitList,
  admitManifest,
  admitPayload,
  type Border,
  checkBase,
  checkDeclaredBytes,
  checkEncoding,
  checkFinite,
  checkLayout,
  checkNorm,
  checkReceivedBytes,
  checkReplay,
  checkRound,
  checkSamples,
  checkSender,
  checkSiteState,
  checkVariances,
  inspectPayload,
  knownSite,
  type Readable,
  readmit,
} from '@tessera/coordinator/admission'
import { EMPTY_REGISTRY, evolveRegistry } from '@tessera/coordinator/enrolment'
import { decide, evolve, initialRounds, type RoundsState } from '@tessera/coordinator/rounds'
import { deltaBytes, encodeDelta } from '@tessera/shared/delta'
import { encodeSafetensors, type Layout, type Weights } from '@tessera/shared/model'
import { MAX_TOKEN_CHARACTERS, type Manifest, study as studySchema } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { generateKeyPair, signPayload } from '@tessera/shared/security'
import { listChunks, listHash } from '@tessera/shared/transfer'
import { describe, expect, test } from 'vitest'
import { aManifest, HASH } from '../../support/signed-parts.ts'
import { codeOf, TINY_STUDY } from '../raw-site.ts'

const NONCE = (n: number): string => `nonce-${String(n).padStart(16, '0')}`
const LAYOUT: Layout = {
  architecture: 'test',
  tensors: [
    { name: 'weight', shape: [2], kind: 'trainable' },
    { name: 'norm.running_mean', shape: [1], kind: 'statistic' },
    { name: 'norm.running_var', shape: [2], kind: 'statistic' },
  ],
}
const STUDY = studySchema.parse({
  ...TINY_STUDY,
  federation: { ...TINY_STUDY.federation, stretch: 1 },
})

/** Rounds where `north` (nonce 0) and `south` (nonce 1) have the open offer of round 1. */
function openRounds(from: RoundsState = initialRounds(STUDY, HASH('a'))): RoundsState {
  let next = 0
  const nonce = (): string => NONCE(from.history.length * 10 + next++)
  const [event] = decide(from, {
    type: 'tick',
    nowMs: 1000,
    present: ['north', 'south'],
    signs: new Map(),
    nonce,
  })
  if (event === undefined) throw new Error('the round must open')
  return evolve(from, event)
}

function withAccepted(rounds: RoundsState, site: string, round = rounds.round): RoundsState {
  const { attempt } = rounds
  const update = { site, round, attempt, samples: 1, loss: 1, payload: HASH('c'), bytes: 4, norm: 1 }
  const stored = { manifest: 'token', manifestSha256: HASH('d'), receivedAtMs: 1 }
  return decide(rounds, { type: 'accept', update: { ...update, ...stored } }).reduce(evolve, rounds)
}

function atDeadline(rounds: RoundsState): RoundsState {
  const tick = { type: 'tick', nowMs: 61_000, present: [], signs: new Map(), nonce: () => '' } as const
  return decide(rounds, tick).reduce(evolve, rounds)
}

function published(rounds: RoundsState): RoundsState {
  const made = { student: HASH('e'), record: 'record', recordSha256: HASH('f') }
  return decide(rounds, { type: 'publish', ...made }).reduce(evolve, rounds)
}

const KIT = { type: 'kit.issued', kit: NONCE(99), expiresAtMs: 1, atMs: 0 } as const

function aBorder(changes: Partial<Border> = {}): Border {
  const enrolment = { type: 'site.enrolled', kit: NONCE(99), publicKey: 'k'.repeat(43), atMs: 0 } as const
  const registry = ['north', 'south'].reduce(
    (known, site) => evolveRegistry(known, { ...enrolment, site }),
    EMPTY_REGISTRY,
  )
  return {
    study: STUDY,
    layout: LAYOUT,
    layoutHash: HASH('b'),
    rounds: openRounds(),
    registry,
    site: 'north',
    nowMs: 2000,
    ...changes,
  }
}

const good = (changes: Partial<Manifest> = {}): Manifest =>
  aManifest({ nonce: NONCE(0), bytes: deltaBytes(LAYOUT), ...changes })
const refuses = (code: string) => expect.objectContaining({ code })

describe('checkSiteState() and knownSite()', () => {
  test('a site that is enrolled passes', () => {
    expect(knownSite(aBorder(), 'north').site).toBe('north')
    expect(() => checkSiteState(aBorder(), 'north')).not.toThrow()
  })
  test('unknown is ERR_SITE_UNKNOWN, revoked ERR_SITE_REVOKED, invited is not yet known', () => {
    const { registry } = aBorder()
    const revoked = evolveRegistry(registry, { type: 'site.revoked', site: 'north', atMs: 0 })
    expect(() => checkSiteState(aBorder({ registry: revoked }), 'north')).toThrow(refuses('ERR_SITE_REVOKED'))
    const invited = evolveRegistry(registry, { ...KIT, site: 'west' })
    expect(() => checkSiteState(aBorder({ registry: invited }), 'west')).toThrow(refuses('ERR_SITE_UNKNOWN'))
  })
})

describe('checkSender()', () => {
  test('a manifest names its signer and its study', () => {
    expect(() => checkSender(aBorder(), good())).not.toThrow()
    expect(() => checkSender(aBorder(), good({ site: 'south' }))).toThrow(refuses('ERR_SIGNATURE_INVALID'))
    expect(() => checkSender(aBorder(), good({ study: 'other' }))).toThrow(refuses('ERR_STUDY_UNKNOWN'))
  })
})

describe('checkReplay()', () => {
  test("the nonce of the site's open offer passes", () => {
    expect(() => checkReplay(aBorder(), good())).not.toThrow()
  })
  test("another site's nonce, or an invented one, is ERR_UPDATE_REPLAYED", () => {
    for (const nonce of [NONCE(1), NONCE(77)]) {
      expect(() => checkReplay(aBorder(), good({ nonce }))).toThrow(refuses('ERR_UPDATE_REPLAYED'))
    }
  })
  test('what has been delivered is a duplicate while the round is open, and a replay later', () => {
    const accepted = withAccepted(openRounds(), 'north')
    expect(() => checkReplay(aBorder({ rounds: accepted }), good())).toThrow(refuses('ERR_UPDATE_DUPLICATE'))
    const closed = atDeadline(accepted)
    expect(() => checkReplay(aBorder({ rounds: closed }), good())).toThrow(refuses('ERR_UPDATE_DUPLICATE'))
    const next = openRounds(published(closed))
    expect(() => checkReplay(aBorder({ rounds: next }), good())).toThrow(refuses('ERR_UPDATE_REPLAYED'))
  })
  test('what was delivered to an earlier attempt of the round is a duplicate in the next', () => {
    const study = { ...STUDY, federation: { ...STUDY.federation, quorum: 2 } }
    const first = withAccepted(openRounds(initialRounds(study, HASH('a'))), 'north')
    const waiting = atDeadline(first)
    expect(() => checkReplay(aBorder({ rounds: waiting }), good())).toThrow(refuses('ERR_UPDATE_DUPLICATE'))
    const second = openRounds(waiting)
    expect(() => checkReplay(aBorder({ rounds: second }), good())).toThrow(refuses('ERR_UPDATE_DUPLICATE'))
  })
  test('a late update is told that its round has ended', () => {
    const rounds = openRounds(published(atDeadline(withAccepted(openRounds(), 'south'))))
    expect(() => checkReplay(aBorder({ rounds }), good())).toThrow(refuses('ERR_ROUND_CLOSED'))
  })
  test('a late update of an offered round passes with that nonce, base and attempt, once, and nobody else passes with it', () => {
    const federation = { ...STUDY.federation, late: { maxStaleness: 1 } }
    const study = { ...STUDY, training: { ...STUDY.training, rounds: 5 }, federation }
    const first = openRounds(initialRounds(study, HASH('a')))
    const rounds = openRounds(published(atDeadline(withAccepted(first, 'south'))))
    const border = aBorder({ rounds })
    expect(() => readmit(good(), border)).not.toThrow()
    expect(() => checkReplay(border, good({ nonce: NONCE(1) }))).toThrow(refuses('ERR_UPDATE_REPLAYED'))
    expect(() => checkBase(border, good({ base: HASH('e') }))).toThrow(refuses('ERR_UPDATE_BASE'))
    expect(() => checkRound(border, good({ attempt: 2 }))).toThrow(refuses('ERR_ROUND_WRONG'))
    const south = good({ site: 'south', nonce: NONCE(1) })
    expect(() => checkReplay({ ...border, site: 'south' }, south)).toThrow(refuses('ERR_UPDATE_REPLAYED'))

    const taken = withAccepted(rounds, 'north', 1)
    expect(() => checkReplay(aBorder({ rounds: taken }), good())).toThrow(refuses('ERR_UPDATE_REPLAYED'))
    const later = openRounds(published(atDeadline(taken)))
    expect(() => checkReplay(aBorder({ rounds: later }), good())).toThrow(refuses('ERR_UPDATE_REPLAYED'))
  })
  test('a late update that is too old is told that its round has ended', () => {
    const federation = { ...STUDY.federation, late: { maxStaleness: 1 } }
    const study = { ...STUDY, training: { ...STUDY.training, rounds: 5 }, federation }
    let rounds = openRounds(initialRounds(study, HASH('a')))
    for (let round = 1; round <= 2; round++) {
      rounds = openRounds(published(atDeadline(withAccepted(rounds, 'south'))))
    }
    expect(() => checkReplay(aBorder({ rounds }), good())).toThrow(refuses('ERR_ROUND_CLOSED'))
  })
  test('what is of a round that nobody looks back on is told that its round has ended, delivered or not', () => {
    const study = { ...STUDY, training: { ...STUDY.training, rounds: 9 } }
    let rounds = openRounds(initialRounds(study, HASH('a')))
    for (let round = 1; round <= 5; round++) {
      rounds = openRounds(published(atDeadline(withAccepted(rounds, 'south'))))
    }
    for (const [site, nonce] of [
      ['north', NONCE(0)],
      ['south', NONCE(1)],
    ] as const) {
      const border = aBorder({ rounds, site })
      expect(() => checkReplay(border, good({ site, nonce }))).toThrow(refuses('ERR_ROUND_CLOSED'))
      expect(() => checkReplay(border, good({ site, nonce, round: 5 }))).toThrow(
        refuses('ERR_UPDATE_REPLAYED'),
      )
    }
  })
  test('a site without an offer is told so', () => {
    const west = aBorder({ site: 'west' })
    expect(() => checkReplay(west, good({ site: 'west' }))).toThrow(refuses('ERR_ROUND_NOT_OFFERED'))
  })
})

describe('checkRound()', () => {
  test('round and attempt of the open offer pass', () => {
    expect(() => checkRound(aBorder(), good())).not.toThrow()
  })
  test('another round or attempt is ERR_ROUND_WRONG', () => {
    expect(() => checkRound(aBorder(), good({ round: 2 }))).toThrow(refuses('ERR_ROUND_WRONG'))
    expect(() => checkRound(aBorder(), good({ attempt: 2 }))).toThrow(refuses('ERR_ROUND_WRONG'))
  })
  test('a round that has closed is ERR_ROUND_CLOSED', () => {
    const rounds = atDeadline(withAccepted(openRounds(), 'south'))
    expect(() => checkRound(aBorder({ rounds }), good())).toThrow(refuses('ERR_ROUND_CLOSED'))
  })
  test('from the deadline on it is ERR_UPDATE_EXPIRED, even before anyone has closed the round', () => {
    expect(() => checkRound(aBorder({ nowMs: 60_999 }), good())).not.toThrow()
    expect(() => checkRound(aBorder({ nowMs: 61_000 }), good())).toThrow(refuses('ERR_UPDATE_EXPIRED'))
  })
})

describe('checks of what the manifest declares', () => {
  test.each([
    ['base', checkBase, { base: HASH('9') }, 'ERR_UPDATE_BASE'],
    ['layout', checkLayout, { layoutHash: HASH('9') }, 'ERR_UPDATE_LAYOUT'],
    ['bytes', checkDeclaredBytes, { bytes: 24 }, 'ERR_UPDATE_SIZE'],
    ['samples', checkSamples, { samples: 11 }, 'ERR_UPDATE_SAMPLES'],
  ])('%s', (_, check, changes, code) => {
    expect(() => check(aBorder(), good())).not.toThrow()
    expect(() => check(aBorder(), good(changes))).toThrow(refuses(code))
  })
  test('right answers that a site withholds are no fault', () => {
    const metrics = { ...good().metrics, loss: null, ce: null, correct: null }
    checkSamples(aBorder(), good({ metrics }))
    expect(() => checkSamples(aBorder(), good({ metrics, samples: 11 }))).toThrow(
      refuses('ERR_UPDATE_SAMPLES'),
    )
  })
  test("another encoding than the study's is ERR_UPDATE_ENCODING, and the bytes are counted in the study's", () => {
    const study = { ...STUDY, federation: { ...STUDY.federation, encoding: 'bf16' } as const }
    expect(() => checkEncoding(aBorder(), good())).not.toThrow()
    expect(() => checkEncoding(aBorder({ study }), good())).toThrow(refuses('ERR_UPDATE_ENCODING'))
    const bytes = deltaBytes(LAYOUT, 'bf16')
    expect(bytes).toBe(2 * 2 + 4 * 3)
    expect(() => checkDeclaredBytes(aBorder({ study }), good({ bytes }))).not.toThrow()
    expect(() => checkDeclaredBytes(aBorder({ study }), good())).toThrow(refuses('ERR_UPDATE_SIZE'))
  })
  test('more tiles right than seen are ERR_UPDATE_SAMPLES', () => {
    const metrics = { ...good().metrics, correct: 11 }
    expect(() => checkSamples(aBorder(), good({ metrics }))).toThrow(refuses('ERR_UPDATE_SAMPLES'))
  })
})

describe('admitManifest()', () => {
  test('gives the manifest of a good token', async () => {
    const { border, sign } = await signing()
    expect(await admitManifest(await sign(good()), border)).toEqual(good())
  })
  test.each([
    ['size', 'x'.repeat(MAX_TOKEN_CHARACTERS + 1), 'ERR_MESSAGE_INVALID'],
    ['unpack', 'no token', 'ERR_SIGNATURE_INVALID'],
  ])('%s', async (_, token, code) => {
    expect(await codeOf(admitManifest(token, (await signing()).border))).toBe(code)
  })
  test('schema comes before signature, signature before all that depends on state', async () => {
    const { border, sign } = await signing()
    const [header, , signature] = (await sign(good())).split('.')
    const forged = (payload: object): string =>
      [header, Buffer.from(JSON.stringify(payload)).toString('base64url'), signature].join('.')
    expect(await codeOf(admitManifest(forged({ ...good(), samples: 0 }), border))).toBe('ERR_MESSAGE_INVALID')
    expect(await codeOf(admitManifest(forged(good({ round: 7 })), border))).toBe('ERR_SIGNATURE_INVALID')
    expect(await codeOf(admitManifest(await sign(good({ round: 7 })), border))).toBe('ERR_ROUND_WRONG')
  })
  test('site state comes before replay, replay before round, round before base', async () => {
    const { border, sign } = await signing()
    const worst = good({ nonce: NONCE(77), round: 7, base: HASH('9') })
    const revoked = evolveRegistry(border.registry, { type: 'site.revoked', site: 'north', atMs: 0 })
    const admit = async (manifest: Manifest, at: Border): Promise<string> =>
      codeOf(admitManifest(await sign(manifest), at))
    expect(await admit(worst, { ...border, registry: revoked })).toBe('ERR_SITE_REVOKED')
    expect(await admit(worst, border)).toBe('ERR_UPDATE_REPLAYED')
    expect(await admit({ ...worst, nonce: NONCE(0) }, border)).toBe('ERR_ROUND_WRONG')
    expect(await admit({ ...worst, nonce: NONCE(0), round: 1 }, border)).toBe('ERR_UPDATE_BASE')
  })
})

describe('readmit()', () => {
  test('checks again what may have changed meanwhile', () => {
    expect(() => readmit(good(), aBorder())).not.toThrow()
    expect(() => readmit(good(), aBorder({ nowMs: 61_000 }))).toThrow(refuses('ERR_UPDATE_EXPIRED'))
  })
})

/** A delta of LAYOUT. */
function aDelta(weight: number[] = [3, 4], variance: number[] = [0, 0]): Weights {
  return new Map([
    ['weight', Float32Array.from(weight)],
    ['norm.running_mean', Float32Array.of(1000)],
    ['norm.running_var', Float32Array.from(variance)],
  ])
}

function readable(bytes: Uint8Array): Readable {
  return {
    bytes: bytes.length,
    async read(into, position) {
      into.set(bytes.subarray(position, position + into.length))
    },
  }
}
const BASE = readable(encodeSafetensors(LAYOUT, aDelta([0, 0], [1, 1])))

describe('checks of the bytes', () => {
  const inspected = (delta: Weights) => inspectPayload(LAYOUT, 'f32', readable(encodeDelta(LAYOUT, delta)))

  test('as many as announced', () => {
    expect(() => checkReceivedBytes(good(), deltaBytes(LAYOUT))).not.toThrow()
    expect(() => checkReceivedBytes(good(), 4)).toThrow(refuses('ERR_UPDATE_SIZE'))
  })
  test('of the announced list', () => {
    const list = listChunks(encodeDelta(LAYOUT, aDelta()))
    const admit = (digests: Uint8Array, payload = listHash(list)) => admitList(good({ payload }), digests)
    expect(admit(list.digests)).toEqual(list)
    expect(() => admit(list.digests, HASH('c'))).toThrow(refuses('ERR_UPDATE_DIGEST'))
    expect(() => admit(new Uint8Array(32))).toThrow(refuses('ERR_UPDATE_DIGEST'))
    expect(() => admit(new Uint8Array(64))).toThrow(refuses('ERR_UPDATE_SIZE'))
  })
  test('one pass gives norm and what is not finite', async () => {
    expect(await inspected(aDelta())).toEqual({ norm: 5, nonFinite: null })
    await expect(
      inspectPayload(LAYOUT, 'f32', readable(encodeDelta(LAYOUT, aDelta()).subarray(4))),
    ).rejects.toMatchObject({
      code: 'ERR_UPDATE_SIZE',
    })
  })
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'finite, not %s',
    async (value) => {
      expect(checkFinite(await inspected(aDelta()))).toBeUndefined()
      for (const [delta, tensor] of [
        [aDelta([0, value]), 'weight'],
        [aDelta([0, 0], [value, 0]), 'norm.running_var'],
      ] as const) {
        const facts = await inspected(delta)
        expect(facts.nonFinite).toBe(tensor)
        expect(() => checkFinite(facts)).toThrow(refuses('ERR_UPDATE_NOT_FINITE'))
      }
    },
  )
  test('an int8 scale that is not finite is found, whatever its bytes', async () => {
    const bytes = encodeDelta(LAYOUT, aDelta(), { encoding: 'int8', random: createRandom('r') })
    for (const scale of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const hostile = bytes.slice()
      new DataView(hostile.buffer).setFloat32(0, scale, true)
      hostile.fill(0, 4, 6)
      expect((await inspectPayload(LAYOUT, 'int8', readable(hostile))).nonFinite).toBe('weight')
    }
  })
  test('the norm is over the trainable tensors', async () => {
    const facts = await inspected(aDelta())
    expect(checkNorm(facts, 5)).toBeUndefined()
    expect(() => checkNorm(facts, 4.9)).toThrow(refuses('ERR_UPDATE_NORM'))
  })
  test('no running variance may fall below zero, whatever the encoding of the weights', async () => {
    for (const encoding of ['f32', 'bf16', 'int8'] as const) {
      const check = (variance: number[]) => {
        const random = createRandom('r')
        const bytes = encodeDelta(LAYOUT, aDelta([0, 0], variance), { encoding, random })
        return checkVariances(LAYOUT, encoding, readable(bytes), BASE)
      }
      await check([-1, -0.5])
      await expect(check([0, -1.5])).rejects.toMatchObject({
        code: 'ERR_UPDATE_NORM',
        message: expect.stringContaining('running_var[1]'),
      })
    }
  })
  test('variances are found wherever they lie, with a read for many that are close', async () => {
    const tensors = Array.from({ length: 40 }, (_, i): Layout['tensors'][number] =>
      i % 4 === 3
        ? { name: `${i}.weight`, shape: [i === 19 ? 50_000 : 3], kind: 'trainable' }
        : { name: `${i}.running_var`, shape: [i + 1], kind: 'statistic' },
    )
    const layout: Layout = { architecture: 'test', tensors }
    const filled = (value: number): Weights =>
      new Map(tensors.map(({ name, shape: [length = 0] }) => [name, new Float32Array(length).fill(value)]))
    const base = readable(encodeSafetensors(layout, filled(1)))
    let reads = 0
    const check = (delta: Weights) => {
      const file = readable(encodeDelta(layout, delta))
      const read: Readable['read'] = (into, position) => {
        reads++
        return file.read(into, position)
      }
      return checkVariances(layout, 'f32', { bytes: file.bytes, read }, base)
    }
    await check(filled(-1))
    expect(reads).toBe(2)
    for (const { name, kind } of tensors) {
      if (kind !== 'statistic') continue
      const delta = filled(-1)
      delta.get(name)?.fill(-1.5, -1)
      await expect(check(delta)).rejects.toMatchObject({ message: expect.stringContaining(`${name}[`) })
    }
  })
  test('admitPayload() runs them in order on what has come in', async () => {
    const limits = { layout: LAYOUT, encoding: 'f32', base: BASE, maxNorm: 10 } as const
    const admit = (delta: Weights, changes: Partial<Manifest> = {}) => {
      const bytes = encodeDelta(LAYOUT, delta)
      return admitPayload(good(changes), readable(bytes), limits)
    }
    expect(await admit(aDelta())).toEqual({ norm: 5 })
    const broken = aDelta([Number.NaN, 1000], [-2, 0])
    for (const [delta, changes, code] of [
      [broken, { bytes: 4 }, 'ERR_UPDATE_SIZE'],
      [broken, {}, 'ERR_UPDATE_NOT_FINITE'],
      [aDelta([0, 1000], [-2, 0]), {}, 'ERR_UPDATE_NORM'],
      [aDelta([0, 1], [-2, 0]), {}, 'ERR_UPDATE_NORM'],
    ] as const) {
      expect(await codeOf(admit(delta, changes))).toBe(code)
    }
  })
})

/** A border that knows the key of `north`, and a way to sign as that site. */
async function signing() {
  const { publicKey, privateKey } = await generateKeyPair()
  const enrolment = { type: 'site.enrolled', kit: NONCE(99), site: 'north', publicKey, atMs: 0 } as const
  const border = aBorder()
  return {
    border: { ...border, registry: evolveRegistry(border.registry, enrolment) },
    sign: (manifest: Manifest): Promise<string> => signPayload('manifest', manifest, privateKey),
  }
}
