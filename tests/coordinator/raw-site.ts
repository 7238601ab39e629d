/** @file A coordinator in a test's own folder, and sites that speak the wire by hand: no agent, no TensorFlow. */
import { createStudy, initCoordinator, invite, startCoordinator } from '@tessera/coordinator'
import { encodeDelta } from '@tessera/shared/delta'
import type { TesseraError } from '@tessera/shared/errors'
import { createLog } from '@tessera/shared/log'
import { federatedLayout, type Layout, layoutHash, studentLayout } from '@tessera/shared/model'
import {
  call,
  coordinatorMessages,
  createParser,
  type Judgement,
  type Manifest,
  type Offer,
  type Plan,
  PROTOCOL_VERSION,
  type Published,
  type ReplyBody,
  type Request,
  type Signed,
  type SiteMessage,
  type StudyInput,
  serve,
  siteMessages,
  study as studySchema,
  TESSERA_VERSION,
  type Welcome,
} from '@tessera/shared/protocol'
import {
  type EnrolmentKit,
  generateKeyPair,
  type KeyPair,
  kitProof,
  signPayload,
  verifyPayload,
} from '@tessera/shared/security'
import { chunkOf, DIGEST_BYTES, listChunks, listHash, unpackMissing } from '@tessera/shared/transfer'
import { io, type Socket } from 'socket.io-client'
import { onTestFinished } from 'vitest'
import { fakeClock } from '../support/fake-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const TIMEOUT_MS = 5000

/** Two classes, the narrowest and shallowest EfficientNet: 35,230 weights. */
export const TINY_STUDY: StudyInput = {
  id: 'tiny',
  seed: 'tests',
  classes: ['benign', 'tumour'],
  tile: { sizePx: 32 },
  student: { widthMultiplier: 0.1, depthMultiplier: 0.1 },
  method: { name: 'ce' },
  training: { rounds: 2 },
  federation: { minSites: 2, quorum: 1, deadlineMs: 60_000 },
}
export const TINY_LAYOUT: Layout = studentLayout(studySchema.parse(TINY_STUDY))

/** Values that come one after the other, each waited for. */
export interface Mailbox<T> {
  put(value: T): void
  next(): Promise<T>
}

export function mailbox<T>(): Mailbox<T> {
  const values: T[] = []
  const readers: ((value: T) => void)[] = []
  return {
    put(value) {
      const reader = readers.shift()
      if (reader) reader(value)
      else values.push(value)
    },
    next: () =>
      values.length > 0
        ? Promise.resolve(values.shift() as T)
        : new Promise((resolve) => {
            readers.push(resolve)
          }),
  }
}

/** A folder with a coordinator and one study, not started. */
export async function coordinatorFolder(study: StudyInput = TINY_STUDY): Promise<string> {
  const dir = await temporaryFolder()
  await initCoordinator({ dir })
  await createStudy({ dir, study })
  return dir
}

/** Starts the coordinator of a folder on any port, by a clock that the test moves. It is closed when the test ends, unless it was before. */
export async function started(
  dir: string,
  clock: ReturnType<typeof fakeClock> = fakeClock(),
): Promise<{
  coordinator: Awaited<ReturnType<typeof startCoordinator>>
  clock: ReturnType<typeof fakeClock>
  /** Lines of its log. */
  log: Record<string, unknown>[]
}> {
  const log: Record<string, unknown>[] = []
  const write = (line: string): void => void log.push(JSON.parse(line) as Record<string, unknown>)
  const coordinator = await startCoordinator({ dir, port: 0, clock, log: createLog(write, clock) })
  onTestFinished(() => coordinator.close())
  return { coordinator, clock, log }
}

type Transport = 'websocket' | 'polling'

/** Opens a socket as an agent does, without saying anything. */
export function openSocket(url: string, transport: Transport = 'websocket'): Socket {
  const socket = io(url, {
    parser: createParser(),
    transports: [transport],
    forceNew: true,
    reconnection: false,
  })
  // Weakly: a test that opens ten thousand must not hold all that have ended. One that is open is held by its connection.
  const held = new WeakRef(socket)
  onTestFinished(() => void held.deref()?.disconnect())
  return socket
}

/** Sends one message and gives the reply's fields. */
export function ask<E extends SiteMessage>(
  socket: Socket,
  event: E,
  request: Request<typeof siteMessages, E>,
): Promise<ReplyBody<typeof siteMessages, E>> {
  return call(socket, siteMessages, event, request, { timeoutMs: TIMEOUT_MS })
}

/** An open connection that has been challenged. */
export interface Connection {
  readonly socket: Socket
  readonly nonce: string
  readonly offers: Mailbox<string>
  readonly records: Mailbox<string>
  readonly snapshots: Mailbox<string>
  /** What the coordinator said before it hung up. */
  readonly refused: Promise<{ code: string; message: string }>
  readonly closed: Promise<void>
}

export async function connect(url: string, transport?: Transport): Promise<Connection> {
  const socket = openSocket(url, transport)
  const [offers, records, snapshots] = [mailbox<string>(), mailbox<string>(), mailbox<string>()]
  const refused = new Promise<{ code: string; message: string }>((resolve) => {
    serve(socket, coordinatorMessages, 'session:refused', (reason) => {
      resolve(reason)
      return {}
    })
  })
  const closed = new Promise<void>((resolve) => {
    socket.on('disconnect', () => resolve())
  })
  serve(socket, coordinatorMessages, 'round:offer', ({ offer }) => {
    offers.put(offer)
    return {}
  })
  serve(socket, coordinatorMessages, 'session:snapshot', ({ welcome }) => {
    snapshots.put(welcome)
    return {}
  })
  serve(socket, coordinatorMessages, 'round:published', ({ record }) => {
    records.put(record)
    return {}
  })
  const nonce = await new Promise<string>((resolve) => {
    serve(socket, coordinatorMessages, 'session:challenge', (challenge) => {
      resolve(challenge.nonce)
      return {}
    })
  })
  return { socket, nonce, offers, records, snapshots, refused, closed }
}

/** Uses a kit with a key pair. */
export async function enrol(socket: Socket, kit: EnrolmentKit, pair: KeyPair): Promise<string> {
  const { publicKey, privateKey } = pair
  const claim = { kit: kit.kit, site: kit.site, publicKey }
  const payload = { protocol: PROTOCOL_VERSION, ...claim, proof: kitProof(kit.secret, claim), issuedAtMs: 1 }
  const request = await signPayload('enrolRequest', payload, privateKey)
  return (await ask(socket, 'site:enroll', { request })).confirmation
}

/** Invites and enrols a site of this name; gives its key pair. */
export async function enrolled(dir: string, url: string, site: string): Promise<KeyPair> {
  const { kit } = await invite({ dir, site, autoApprove: true, clock: fakeClock() })
  const pair = await generateKeyPair()
  const { socket } = await connect(url)
  await enrol(socket, kit, pair)
  socket.disconnect()
  return pair
}

/** A site in a study. */
export interface RawSite extends Connection {
  readonly welcome: Welcome
  readonly plan: Plan
  offer(): Promise<Offer>
  published(): Promise<Published>
  /** The manifest of `bytes`, signed by the site, with some fields changed before. */
  manifest(offer: Offer, bytes: Uint8Array, changes?: Partial<Manifest>): Promise<string>
  /** What the site says of a record's student, signed, with some fields changed before. */
  judgement(record: Pick<Published, 'round' | 'student'>, changes?: Partial<Judgement>): Promise<string>
  /** Announces, sends and commits; gives the receipt. */
  deliver(manifest: string, bytes: Uint8Array): Promise<string>
}

export async function joined(
  url: string,
  coordinatorKey: string,
  site: string,
  pair: KeyPair,
  study = 'tiny',
  changes: Partial<Signed<'joinToken'>> = {},
  transport?: Transport,
  planKey: string = coordinatorKey,
): Promise<RawSite> {
  const connection = await connect(url, transport)
  const { socket, nonce } = connection
  const token = await signPayload(
    'joinToken',
    {
      protocol: PROTOCOL_VERSION,
      site,
      study,
      nonce,
      coordinator: coordinatorKey,
      agentVersion: TESSERA_VERSION,
      instance: `the one agent of ${site}`,
      ledger: null,
      work: null,
      issuedAtMs: 1,
      ...changes,
    },
    pair.privateKey,
  )
  const { welcome: welcomeToken, plan } = await ask(socket, 'session:join', { token })
  const welcome = await verifyPayload('welcome', welcomeToken, coordinatorKey)
  if (welcome.offer !== null) connection.offers.put(welcome.offer)
  return {
    ...connection,
    welcome,
    plan: await verifyPayload('plan', plan, planKey),
    offer: async () => verifyPayload('offer', await connection.offers.next(), coordinatorKey),
    published: async () => verifyPayload('published', await connection.records.next(), coordinatorKey),
    manifest: (offer, bytes, changes = {}) =>
      signPayload(
        'manifest',
        {
          study,
          site,
          round: offer.round,
          attempt: offer.attempt,
          base: offer.base,
          layoutHash: layoutHash(TINY_LAYOUT),
          encoding: 'f32',
          bytes: bytes.byteLength,
          payload: listHash(listChunks(bytes)),
          samples: 10,
          metrics: { loss: 1, ce: 1, kl: null, nce: null, correct: 5, seen: 10, skippedTiles: 0, seconds: 1 },
          policyHash: '0'.repeat(64),
          nonce: offer.nonce,
          issuedAtMs: 1,
          ...changes,
        },
        pair.privateKey,
      ),
    judgement: ({ round, student }, changes = {}) =>
      signPayload(
        'judgement',
        {
          study,
          site,
          round,
          student,
          part: 'val',
          counts: [
            [8, 2],
            [1, 9],
          ],
          withheld: null,
          policyHash: '0'.repeat(64),
          issuedAtMs: 1,
          ...changes,
        },
        pair.privateKey,
      ),
    async deliver(manifest, bytes) {
      const { digests } = listChunks(bytes)
      const { upload, missing } = await ask(socket, 'upload:open', { manifest, chunks: digests })
      for (const index of unpackMissing(missing, digests.byteLength / DIGEST_BYTES)) {
        await ask(socket, 'upload:chunk', { upload, index, chunk: chunkOf(bytes, index) })
      }
      return (await ask(socket, 'upload:commit', { upload })).receipt
    },
  }
}

/** An encoded delta with the same value everywhere. */
export function deltaOf(value: number): Uint8Array {
  const { tensors } = federatedLayout(TINY_LAYOUT)
  const delta = new Map(
    tensors.map(({ name, shape }) => [
      name,
      new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value),
    ]),
  )
  return encodeDelta(TINY_LAYOUT, delta)
}

/** Reads the code a refusal came with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    return (error as TesseraError).code
  }
  return 'no refusal'
}
