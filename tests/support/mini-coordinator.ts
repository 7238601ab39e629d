/**
 * @file A coordinator that does what a test tells it, over a real socket: honest by default, and each of its answers can be replaced.
 * It keeps no rounds of its own.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TesseraError } from '@tessera/shared/errors'
import { encodeSafetensors, initialStudent, layoutHash, studentLayout } from '@tessera/shared/model'
import {
  CHUNK_BYTES,
  call,
  coordinatorMessages,
  createParser,
  type Manifest,
  type Offer,
  type Plan,
  PROTOCOL_VERSION,
  type Published,
  type ReplyBody,
  type Request,
  type SiteMessage,
  type Study,
  serve,
  siteMessages,
  study as studySchema,
  type Welcome,
  WINDOW_CHUNKS,
} from '@tessera/shared/protocol'
import {
  createNonce,
  generateKeyPair,
  type KeyPair,
  readUnverified,
  sha256Hex,
  signPayload,
} from '@tessera/shared/security'
import { chunkOf, listChunks, packMissing } from '@tessera/shared/transfer'
import { Server, type Socket } from 'socket.io'
import { onTestFinished } from 'vitest'

/** A study whose student is small enough to be sent in two chunks. */
export const TINY_STUDY: Study = studySchema.parse({
  id: 'tiny',
  seed: 'test',
  classes: ['normal', 'tumor'],
  tile: { sizePx: 16 },
  student: { widthMultiplier: 0.25, depthMultiplier: 0.34 },
  method: { name: 'ce' },
  training: { rounds: 3, batchSize: 4 },
})
export const TINY_LAYOUT = studentLayout(TINY_STUDY)
export const TINY_STUDENT = initialStudent(TINY_STUDY, null)

type Answers = {
  [E in SiteMessage]?: (
    request: Request<typeof siteMessages, E>,
  ) => ReplyBody<typeof siteMessages, E> | Promise<ReplyBody<typeof siteMessages, E>>
}

export interface MiniCoordinator {
  readonly url: string
  readonly keys: KeyPair
  /** Files by hash that sites may fetch. */
  readonly models: Map<string, Uint8Array>
  /** SHA-256 of the initial student. */
  readonly base: string
  /** Everything a site said, in order. */
  readonly said: { event: SiteMessage; request: unknown }[]
  /** Replacements of the honest answers. */
  readonly answers: Answers
  /** Uploads that were committed: manifest and bytes. */
  readonly updates: { manifest: Manifest; token: string; bytes: Uint8Array }[]
  /** What the next welcome says otherwise, and its plan; `key` signs them instead of the coordinator's. */
  welcome: { changes: Partial<Welcome>; plan?: Partial<Plan>; key?: KeyPair }
  /** JWS of records by round, for sites that have missed them. */
  readonly records: Map<number, string>
  /** Resolves when a site has joined; again after each cut. */
  joined(): Promise<void>
  /** Resolves with the first message of the kind that was said or will be; `count` waits for that many. */
  heard<E extends SiteMessage>(event: E, count?: number): Promise<Request<typeof siteMessages, E>>
  /** The round that receipts say an update counts in; absent for its own. */
  countsIn?: number
  /** Sends a new welcome; a refusal throws. */
  snapshot(changes: Partial<Welcome>, key?: KeyPair): Promise<void>
  /** JWS of an offer. */
  signedOffer(changes?: Partial<Offer>, key?: KeyPair): Promise<string>
  /** Sends an offer and gives the site's answer; a refusal throws. */
  offer(changes?: Partial<Offer>, key?: KeyPair): Promise<void>
  /** Signs a record without sending it. */
  record(changes: Partial<Published>, key?: KeyPair): Promise<string>
  /** Sends a record; gives its JWS, for the next one's `previous`. */
  publish(changes: Partial<Published>, key?: KeyPair): Promise<string>
  /** Says why and hangs up. */
  refuse(code: string, message?: string): void
  /** Sends bytes as they are, as one frame. */
  write(frame: Uint8Array): void
  /** Breaks the connection. */
  cut(): void
}

/** Starts one; it ends with the test. */
export async function miniCoordinator(site = 'north'): Promise<MiniCoordinator> {
  const keys = await generateKeyPair()
  const http = createServer()
  const sockets = new Server(http, { parser: createParser(), maxHttpBufferSize: 4 * 1024 * 1024 })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    await sockets.close()
  })
  const student = encodeSafetensors(TINY_LAYOUT, TINY_STUDENT)
  const base = sha256Hex(student)
  const uploads = new Map<string, { token: string; chunks: (Uint8Array | undefined)[] }>()
  const waiting = new Set<() => void>()
  let current: Socket | null = null
  let hasJoined = false
  let challenge = ''
  let published = { round: 0, record: '' }

  const signPlan = (changes: Partial<Plan> = {}, key = keys): Promise<string> =>
    signPayload(
      'plan',
      {
        protocol: PROTOCOL_VERSION,
        study: TINY_STUDY,
        layoutHash: layoutHash(TINY_LAYOUT),
        student: base,
        createdAtMs: 1,
        ...changes,
      },
      key.privateKey,
    )
  /** Of the plan that the next welcome comes with. */
  const planHash = async (): Promise<string> => sha256Hex(await signPlan(mini.welcome.plan))
  const mini: MiniCoordinator = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    keys,
    models: new Map([[base, student]]),
    base,
    said: [],
    answers: {},
    updates: [],
    welcome: { changes: {} },
    records: new Map(),
    joined: () => until(() => (hasJoined ? true : undefined)).then(() => undefined),
    heard: (event, count = 1) =>
      until(() => mini.said.filter((one) => one.event === event)[count - 1]?.request) as never,
    async signedOffer(changes = {}, key = keys) {
      const nowMs = Date.now()
      const offer = {
        study: TINY_STUDY.id,
        site,
        round: 1,
        attempt: 1,
        base,
        baseBytes: student.byteLength,
        layoutHash: layoutHash(TINY_LAYOUT),
        plan: await planHash(),
        nonce: createNonce(),
        issuedAtMs: nowMs,
        deadlineMs: nowMs + 60_000,
        ...changes,
      }
      return signPayload('offer', offer, key.privateKey)
    },
    async offer(changes, key) {
      await say('round:offer', { offer: await mini.signedOffer(changes, key) })
    },
    async snapshot(changes, key = keys) {
      await say('session:snapshot', {
        welcome: await signPayload(
          'welcome',
          { ...welcomed(), plan: await planHash(), ...changes },
          key.privateKey,
        ),
      })
    },
    async publish(changes, key = keys) {
      // Said to a site that is there; one that joins later would be told of it in its welcome.
      await mini.joined()
      const record = await mini.record(changes, key)
      published = { round: changes.round ?? 1, record: sha256Hex(record) }
      mini.records.set(published.round, record)
      await say('round:published', { record })
      return record
    },
    record: async (changes, key = keys) =>
      signPayload(
        'published',
        {
          study: TINY_STUDY.id,
          plan: await planHash(),
          round: 1,
          attempt: 1,
          base,
          student: base,
          strategy: 'fedavg',
          serverState: [],
          encoding: 'f32',
          previous: '',
          contributors: [],
          offered: [],
          absent: [],
          final: false,
          closedAtMs: Date.now(),
          ...changes,
        },
        key.privateKey,
      ),
    refuse(code, message = 'as the test wants it') {
      current?.emit('session:refused', { code, message }, () => undefined)
      current?.disconnect(true)
    },
    write(frame) {
      current?.conn.write(Buffer.from(frame))
    },
    cut() {
      hasJoined = false
      current?.conn.close()
    },
  }

  const say = async <E extends 'round:offer' | 'round:published' | 'session:snapshot'>(
    event: E,
    request: Request<typeof coordinatorMessages, E>,
  ): Promise<void> => {
    await mini.joined()
    if (current !== null) await call(current, coordinatorMessages, event, request, { timeoutMs: 10_000 })
  }
  const welcomed = (): Omit<Welcome, 'plan'> => ({
    protocol: PROTOCOL_VERSION,
    site,
    nonce: challenge,
    round: published.round,
    student: base,
    record: published.record,
    phase: 'waiting',
    paused: false,
    open: null,
    offer: null,
    update: null,
    prove: false,
    issuedAtMs: Date.now(),
  })
  /** Looks again whenever something was said. */
  const until = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await new Promise<void>((resolve) => waiting.add(resolve))
    }
  }
  const notice = (): void => {
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  const honest = (nonce: string): Required<Answers> => ({
    'site:enroll': async ({ request }) => {
      const { kit, site: name, publicKey } = readUnverified('enrolRequest', request)
      const confirmation = { protocol: PROTOCOL_VERSION, kit, site: name, publicKey, issuedAtMs: Date.now() }
      return { confirmation: await signPayload('enrolConfirmation', confirmation, keys.privateKey) }
    },
    'site:rotate': async ({ request }) => {
      const { site: name, to } = readUnverified('siteKeyChange', request)
      const confirmation = {
        protocol: PROTOCOL_VERSION,
        site: name,
        publicKey: to,
        issuedAtMs: Date.now(),
      }
      return { confirmation: await signPayload('siteKeyConfirmation', confirmation, keys.privateKey) }
    },
    'key:fetch': () => ({ count: 0, change: '', acceptance: '' }),
    'ledger:fetch': ({ round }) => {
      const record = mini.records.get(round)
      if (record === undefined)
        throw new TesseraError('ERR_ROUND_WRONG', 'round must be published, got another')
      return { record }
    },
    'session:join': async () => {
      const { changes, plan: planChanges = {}, key = keys } = mini.welcome
      challenge = nonce
      const plan = await signPlan(planChanges, key)
      const welcome = { ...welcomed(), plan: sha256Hex(plan), ...changes }
      return { welcome: await signPayload('welcome', welcome, key.privateKey), plan }
    },
    'ledger:show': () => {
      throw new TesseraError('ERR_LEDGER_BEHIND', 'as the test wants it')
    },
    'model:open': ({ sha256 }) => {
      const { totalBytes, digests } = listChunks(mini.models.get(sha256) ?? new Uint8Array())
      return { totalBytes, chunks: digests }
    },
    'model:chunk': ({ sha256, index }) => ({
      chunk: chunkOf(mini.models.get(sha256) ?? new Uint8Array(), index),
    }),
    'round:progress': () => ({}),
    'round:decline': () => ({}),
    'round:judge': () => ({}),
    'upload:open': ({ manifest }) => {
      const upload = sha256Hex(manifest).slice(0, 16)
      const count = Math.ceil(readUnverified('manifest', manifest).bytes / CHUNK_BYTES)
      const known = uploads.get(upload) ?? { token: manifest, chunks: Array(count).fill(undefined) }
      uploads.set(upload, known)
      const missing = known.chunks.flatMap((chunk, index) => (chunk === undefined ? [index] : []))
      return { upload, missing: packMissing(missing, count), window: WINDOW_CHUNKS }
    },
    'upload:chunk': ({ upload, index, chunk }) => {
      uploads.get(upload)?.chunks.splice(index, 1, chunk)
      return { window: WINDOW_CHUNKS }
    },
    'upload:commit': async ({ upload }) => {
      const { token = '', chunks = [] } = uploads.get(upload) ?? {}
      const bytes = Buffer.concat(chunks.map((chunk) => chunk ?? new Uint8Array()))
      const manifest = readUnverified('manifest', token)
      mini.updates.push({ manifest, token, bytes })
      const { study, round, attempt, payload } = manifest
      const receipt = {
        study,
        site,
        round,
        attempt,
        payload,
        manifest: sha256Hex(token),
        receivedAtMs: Date.now(),
        ...(mini.countsIn === undefined ? {} : { countsIn: mini.countsIn }),
      }
      return { receipt: await signPayload('receipt', receipt, keys.privateKey) }
    },
  })

  sockets.on('connection', (socket) => {
    current = socket
    hasJoined = false
    socket.on('disconnect', () => {
      if (current === socket) hasJoined = false
    })
    const nonce = createNonce()
    const defaults = honest(nonce)
    for (const event of Object.keys(siteMessages) as SiteMessage[]) {
      serve(socket, siteMessages, event, async (request) => {
        mini.said.push({ event, request })
        notice()
        try {
          const answer = (mini.answers[event] ?? defaults[event]) as (request: unknown) => Promise<object>
          return (await answer(request)) as never
        } finally {
          if (event === 'session:join') {
            // The next turn: the welcome must be on its way before anything else is said.
            setImmediate(() => {
              hasJoined = socket.connected
              notice()
            })
          }
          notice()
        }
      })
    }
    void call(
      socket,
      coordinatorMessages,
      'session:challenge',
      { protocol: PROTOCOL_VERSION, nonce },
      { timeoutMs: 10_000 },
    ).catch(() => undefined)
  })
  return mini
}
