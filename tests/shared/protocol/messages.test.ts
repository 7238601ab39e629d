import {
  type Catalogue,
  coordinatorMessages,
  type Judgement,
  MAX_CLASSES,
  MAX_JUDGED_CLASSES,
  MAX_JUDGEMENT_CHARACTERS,
  MAX_SAMPLES,
  MAX_SITES,
  MAX_TOKEN_CHARACTERS,
  type Plan,
  type Published,
  type Study,
  signedPayloads,
  siteMessages,
  study,
} from '@tessera/shared/protocol'
import { generateKeyPair, signPayload } from '@tessera/shared/security'
import { describe, expect, test } from 'vitest'
import { fieldsOf } from '../../support/fields.ts'

const both: Catalogue = { ...siteMessages, ...coordinatorMessages }
const fieldsOfType = (pattern: RegExp): string[] =>
  Object.entries(both).flatMap(([event, message]) =>
    (['request', 'reply'] as const).flatMap((part) =>
      Object.entries(fieldsOf(message[part]))
        .filter(([, type]) => pattern.test(type))
        .map(([field]) => `${event} ${part}.${field}`),
    ),
  )

describe('what could hold an image', () => {
  test('bytes leave a site in two messages only: a chunk of a delta, and the hashes of its chunks', () => {
    expect(fieldsOfType(/bytes/)).toEqual([
      'model:open reply.chunks',
      'model:chunk reply.chunk',
      'upload:open request.chunks',
      'upload:open reply.missing',
      'upload:chunk request.chunk',
    ])
  })
  test('no message has a list or a nested object', () => {
    expect(fieldsOfType(/list|\{/)).toEqual([])
  })
  test('what a site signs has no list but the counts of a judgement, and no object but the means of its metrics and where it stands', () => {
    const objects = {
      enrolRequest: [],
      siteKeyChange: [],
      joinToken: ['ledger', 'work'],
      manifest: ['metrics'],
      judgement: ['counts'],
    }
    for (const kind of ['enrolRequest', 'siteKeyChange', 'joinToken', 'manifest', 'judgement'] as const) {
      const odd = Object.entries(fieldsOf(signedPayloads[kind])).filter(([, type]) =>
        /list|\{|metrics/.test(type),
      )
      expect(odd.map(([field]) => field)).toEqual(objects[kind])
    }
  })
  test('where a site stands is a round, a hash and a word', () => {
    const { ledger, work } = signedPayloads.joinToken.shape
    expect(fieldsOf(ledger.unwrap())).toEqual({ round: 'integer', record: 'text' })
    expect(ledger.safeParse({ round: 1, record: 'a'.repeat(65) }).success).toBe(false)
    expect(fieldsOf(work.unwrap())).toEqual({ round: 'integer', attempt: 'integer', state: 'code' })
    expect(work.safeParse({ round: 1, attempt: 1, state: 'any other word' }).success).toBe(false)
  })
  test('every text but a signed one has at most 1,000 characters', () => {
    for (const { request, reply } of Object.values(both)) {
      for (const part of [request, reply]) {
        for (const [field, type] of Object.entries(fieldsOf(part))) {
          if (
            type !== 'text' ||
            [
              'request',
              'confirmation',
              'token',
              'welcome',
              'manifest',
              'receipt',
              'judgement',
              'offer',
              'record',
              'plan',
              'proof',
              'change',
              'acceptance',
            ].includes(field)
          )
            continue
          const { shape } = part as unknown as {
            shape: Record<string, { safeParse(v: unknown): { success: boolean } }>
          }
          expect(shape[field]?.safeParse('a'.repeat(1001)).success, field).toBe(false)
        }
      }
    }
  })
})

const key = await generateKeyPair()
const hash = 'ab'.repeat(32)
const longName = (i: number): string => `${i}`.padStart(63, '0')

describe('the largest signed parts fit a token', () => {
  test('a record with the most sites', async () => {
    const record: Published = {
      study: longName(0),
      plan: hash,
      round: 100_000,
      attempt: 99,
      base: hash,
      student: hash,
      strategy: 's'.repeat(256),
      serverState: [hash, hash],
      encoding: 'int8',
      previous: hash,
      contributors: Array.from({ length: MAX_SITES }, (_, i) => ({
        site: longName(i),
        samples: 2 ** 31,
        staleness: 100,
        payload: hash,
        manifest: hash,
        norm: 1.2345678901234567e-123,
        scale: 1 / 3,
      })),
      offered: Array.from({ length: MAX_SITES }, (_, i) => longName(i)),
      absent: [],
      judged: {
        round: 99_999,
        judgements: Array.from({ length: MAX_SITES }, (_, i) => ({ site: longName(i), judgement: hash })),
      },
      final: true,
      closedAtMs: 2 ** 45,
    }
    expect((await signPayload('published', record, key.privateKey)).length).toBeLessThan(MAX_TOKEN_CHARACTERS)
  })
  test('a judgement of the most classes, with the largest counts', async () => {
    const row = Array.from({ length: MAX_JUDGED_CLASSES }, () => MAX_SAMPLES)
    const judgement: Judgement = {
      study: longName(0),
      site: longName(1),
      round: 100_000,
      student: hash,
      part: 'test',
      counts: row.map(() => row),
      withheld: null,
      policyHash: hash,
      issuedAtMs: 2 ** 45,
    }
    const token = await signPayload('judgement', judgement, key.privateKey)
    expect(token.length).toBeLessThan(MAX_JUDGEMENT_CHARACTERS)
  })
  test('a plan of a study with the most classes, of the longest names', async () => {
    const plan: Plan = {
      protocol: 1,
      study: {
        ...complete,
        classes: Array.from({ length: MAX_CLASSES }, (_, i) => '腺'.repeat(124) + `${i}`.padStart(4, '0')),
      },
      layoutHash: hash,
      student: hash,
      createdAtMs: 2 ** 45,
    }
    expect((await signPayload('plan', plan, key.privateKey)).length).toBeLessThan(MAX_TOKEN_CHARACTERS)
  })
})

const complete: Study = study.parse({
  id: 'colon',
  seed: 'a',
  classes: ['benign', 'tumour'],
  tile: { sizePx: 96 },
  student: {},
  teacher: { sha256: hash, task: 'same', classes: 2 },
  method: { name: 'moma' },
  training: { rounds: 5 },
})

describe('study', () => {
  test('fills in the values of the paper', () => {
    expect(complete.method).toEqual({
      name: 'moma',
      weights: { ce: 1, kl: 1, nce: 1 },
      featureDim: 512,
      heads: 4,
      queueSize: 16_384,
      temperature: 0.15,
      klTemperature: 4,
      momentum: 0.999,
      attention: 'self',
      negatives: 'queue',
    })
    expect(complete.training).toMatchObject({ momentum: 0.9, weightDecay: 1e-4, schedule: 'cosine' })
    expect(complete.teacher?.momentum).toBe('site')
  })
  test('a complete study is its own default: both ends read the same', () => {
    expect(study.parse(JSON.parse(JSON.stringify(complete)))).toEqual(complete)
  })
  test.each([
    ['an unknown field', { federated: true }, 'Unrecognized key'],
    ['an id that is a path', { id: '../colon' }, 'id: must be 1 to 63'],
    ['one class', { classes: ['tumour'] }, 'classes'],
    ['an unknown method', { method: { name: 'guess' } }, 'method.name'],
    ['a temperature of 0', { method: { name: 'moma', temperature: 0 } }, 'method.temperature'],
    ['no rounds', { training: { rounds: 0 } }, 'training.rounds'],
    ['a share above 1', { federation: { maxShare: 1.5 } }, 'federation.maxShare'],
  ])('refuses %s', (_, change, path) => {
    const result = study.safeParse({ ...complete, ...change })
    const text = result.error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join()
    expect(text).toContain(path)
  })
})
