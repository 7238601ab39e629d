/** @file A coordinator with the right key and another program, against a site's agent: what it says may end a session, and gets nothing else. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asTesseraError } from '@tessera/shared/errors'
import { encodeSafetensors, initialStudent, layoutHash, studentLayout } from '@tessera/shared/model'
import {
  BURST_FRAMES,
  encodeFrame,
  type Plan,
  study as studySchema,
  type Welcome,
} from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { pack } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { describeFailure } from '../../../cli/failure.ts'
import { checkWelcome, verifyPinned } from '../../../site-agent/session/join.ts'
import { miniCoordinator, TINY_LAYOUT, TINY_STUDY } from '../../support/mini-coordinator.ts'
import { HASH } from '../../support/signed-parts.ts'
import { attackedAgent } from './agent-under-attack.ts'
import { payloadText, signText } from './sign-text.ts'

const PATHS = ['../../../tessera-was-here', '/etc/passwd', 'C:\\tessera', '..', 'tiny/../..', 'tiny\u0000']

/** The same classes, another network. */
const OTHER_STUDY = studySchema.parse({
  ...TINY_STUDY,
  student: { widthMultiplier: 0.1, depthMultiplier: 0.1 },
})

const delivered = (agent: Awaited<ReturnType<typeof attackedAgent>>, count: number) =>
  expect.poll(() => agent.events.filter(({ kind }) => kind === 'delivered').length).toBe(count)

describe('a model', () => {
  test('of other shapes than the study’s student, or of another study, is not trained on: the round is declined', async () => {
    const agent = await attackedAgent()
    const { mini, training } = agent
    const bytes = encodeSafetensors(studentLayout(OTHER_STUDY), initialStudent(OTHER_STUDY, null))
    const base = sha256Hex(bytes)
    mini.models.set(base, bytes)
    await mini.offer({ base, baseBytes: bytes.byteLength })
    expect(await mini.heard('round:decline')).toMatchObject({ round: 1, code: 'ERR_LAYOUT_MISMATCH' })
    expect(training.rounds).toEqual([])
    await mini.offer({ round: 2 })
    await delivered(agent, 1)
  })

  test('that is no model, or ends early, is not trained on', async () => {
    const { mini, training } = await attackedAgent()
    const honest = mini.models.get(mini.base) ?? new Uint8Array()
    const damaged = [
      new Uint8Array(100).fill(0xff),
      honest.slice(0, 1000),
      // A header that claims to be as long as the address space.
      Uint8Array.from(honest, (byte, i) => (i < 8 ? 0x7f : byte)),
    ]
    for (const [i, bytes] of damaged.entries()) {
      const base = sha256Hex(bytes)
      mini.models.set(base, bytes)
      await mini.offer({ round: i + 1, base, baseBytes: bytes.byteLength })
      await mini.heard('round:decline', i + 1)
    }
    const codes = mini.said.flatMap(({ event, request }) =>
      event === 'round:decline' ? [(request as { code: string }).code] : [],
    )
    expect(codes).toEqual(['ERR_MODEL_FILE', 'ERR_MODEL_FILE', 'ERR_MODEL_FILE'])
    expect(training.rounds).toEqual([])
  })
})

describe('a study that changes in mid-round', () => {
  test('in a snapshot is refused, and the round goes on as it was joined', async () => {
    const agent = await attackedAgent()
    await agent.mini.joined()
    await expect(agent.mini.snapshot({ plan: HASH('b') })).rejects.toMatchObject({
      code: 'ERR_MESSAGE_INVALID',
    })
    await agent.mini.snapshot({})
    await agent.mini.offer()
    await delivered(agent, 1)
  })
})

describe('a request that is no message', () => {
  test('for a tensor, a file or a tile gets no answer, and nothing leaves', async () => {
    const agent = await attackedAgent()
    const { mini, site } = agent
    await mini.joined()
    for (const [id, event] of [
      'tensor:get',
      'model:chunk',
      'upload:open',
      'file:read',
      'tile:read',
    ].entries()) {
      mini.write(
        encodeFrame({
          type: 2,
          nsp: '/',
          id: 1000 + id,
          data: [event, { name: 'queue', path: site.dataDir }],
        }),
      )
    }
    await mini.offer()
    await delivered(agent, 1)
    const audit = (await readFile(join(site.dir, 'audit.jsonl'), 'utf8')).trim().split('\n')
    const kinds = audit.map((line) => (JSON.parse(line) as { kind: string; why: string }).kind)
    // One answer to the challenge and one to the offer.
    expect(kinds.filter((kind) => kind === 'answer')).toHaveLength(2)
  })
})

describe('frames', () => {
  test.each([
    [
      'a refusal whose sentence cannot be made a text',
      { type: 4, nsp: '/', data: { message: { toString: 1, valueOf: 1 } } },
    ],
    ['a refusal without a sentence', { type: 4, nsp: '/', data: {} }],
    ['a session id that is no text', { type: 0, nsp: '/', data: { sid: { toString: 1 } } }],
    ['a packet of attachments', { type: 5, nsp: '/', data: ['x'] }],
    ['another namespace', { type: 2, nsp: '/other', data: ['x', 1] }],
  ])('%s ends no process: the agent is there or comes back', async (_, packet) => {
    const agent = await attackedAgent()
    await agent.mini.joined()
    agent.mini.write(pack(packet))
    await agent.mini.offer().catch(() => agent.mini.offer())
    await delivered(agent, 1)
  })

  test('more of them than a connection may send make the agent hang up, and dial again', async () => {
    const agent = await attackedAgent()
    const { mini, log } = agent
    await mini.joined()
    const frame = encodeFrame({ type: 2, nsp: '/', data: ['x', null] })
    // Three bursts: a busy machine reads the first so slowly that the second is allowed for a part.
    for (let i = 0; i < 3 * BURST_FRAMES; i++) mini.write(frame)
    await expect.poll(() => log).toContainEqual(expect.objectContaining({ code: 'ERR_RATE_LIMIT' }))
    await mini.heard('session:join', 2)
    await mini.offer()
    await delivered(agent, 1)
  })
})

describe('a text', () => {
  test('of a refusal cannot steer a terminal', async () => {
    const { mini, outcome } = await attackedAgent()
    await mini.joined()
    mini.refuse('ERR_SITE_REVOKED', '\u001b[2Jrevoked\r\n\u0007please run this')
    await expect(outcome).rejects.toMatchObject({
      code: 'ERR_SITE_REVOKED',
      message: String.raw`\u001b[2Jrevoked\u000d\u000a\u0007please run this`,
    })
  })

  test('of a study cannot steer a terminal', async () => {
    const mini = await miniCoordinator()
    const classes = ['\u001b[2J\u009b1mnormal', '\u202etumor\ntessera: all is well']
    const study = { ...TINY_STUDY, classes }
    mini.welcome = { changes: {}, plan: { study, layoutHash: layoutHash(studentLayout(study)) } }
    const { outcome, lines } = await attackedAgent({ mini })
    const failure = asTesseraError(await outcome.catch((thrown: unknown) => thrown))
    expect(failure.code).toBe('ERR_DATA_CLASSES')
    expect(failure.message).toContain(classes[0])
    for (const text of [...lines, describeFailure(failure)]) {
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    }
    expect(describeFailure(failure).trimEnd().split('\n')).toHaveLength(3)
  })

  test.each(PATHS)('%j in a welcome where a name or a hash belongs is refused', async (path) => {
    const mini = await miniCoordinator()
    const context = {
      site: 'north',
      plan: HASH('c'),
      coordinatorKey: mini.keys.publicKey,
      nonce: 'n'.repeat(22),
    }
    const text = JSON.stringify(welcomeOf(context.nonce))
    const honest = await signText('welcome', text, mini.keys)
    const welcome = await checkWelcome(honest, context)
    const changed = (change: (one: Welcome) => void): Promise<string> => {
      const copy = JSON.parse(payloadText(honest)) as Welcome
      change(copy)
      return signText('welcome', JSON.stringify(copy), mini.keys)
    }
    expect(welcome.plan).toBe(HASH('c'))
    const tokens = [
      await changed((one) => Object.assign(one, { site: path })),
      await changed((one) => Object.assign(one, { student: path })),
      await changed((one) => Object.assign(one, { record: path })),
      await changed((one) => Object.assign(one, { nonce: path })),
      await changed((one) => Object.assign(one, { plan: path })),
    ]
    for (const token of tokens) {
      await expect(checkWelcome(token, context)).rejects.toMatchObject({ code: 'ERR_MESSAGE_INVALID' })
    }
  })

  test.each(PATHS)('%j in a plan where a name or a hash belongs is refused', async (path) => {
    const { keys } = await miniCoordinator()
    const read = async (change: (one: Plan) => void): Promise<Plan> => {
      const copy = JSON.parse(JSON.stringify(PLAN)) as Plan
      change(copy)
      const token = await signText('plan', JSON.stringify(copy), keys)
      return verifyPinned('plan', token, keys.publicKey)
    }
    expect((await read(() => undefined)).study.id).toBe('tiny')
    const teacher = { sha256: path, task: 'same', classes: 2, name: 'efficientnet-b0' }
    for (const change of [
      (one: Plan) => Object.assign(one, { layoutHash: path }),
      (one: Plan) => Object.assign(one, { student: path }),
      (one: Plan) => Object.assign(one.study, { id: path }),
      (one: Plan) => Object.assign(one.study.student, { name: path }),
      (one: Plan) => Object.assign(one.study, { teacher }),
    ]) {
      await expect(read(change)).rejects.toMatchObject({ code: 'ERR_MESSAGE_INVALID' })
    }
  })
})

const PLAN: Plan = {
  protocol: 1,
  study: TINY_STUDY,
  layoutHash: layoutHash(TINY_LAYOUT),
  student: HASH('a'),
  createdAtMs: 1,
}

function welcomeOf(nonce: string): Welcome {
  return {
    protocol: 1,
    site: 'north',
    nonce,
    plan: HASH('c'),
    round: 0,
    student: HASH('a'),
    record: '',
    phase: 'waiting',
    paused: false,
    open: null,
    offer: null,
    update: null,
    prove: false,
    issuedAtMs: 1,
  }
}
