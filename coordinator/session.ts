/** @file One connection: challenge, then enrolment or join, then models and updates until it ends. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import {
  CHUNK_BYTES,
  type CoordinatorMessage,
  call,
  coordinatorMessages,
  MAX_UNREAD_FRAMES,
  onBadFrame,
  PROTOCOL_VERSION,
  type ReplyBody,
  type Request,
  type SiteMessage,
  serve,
  siteMessages,
  type WireEvents,
} from '@tessera/shared/protocol'
import { chunkCount, packMissing } from '@tessera/shared/transfer'
import type { Socket } from 'socket.io'
import type { Door } from './door.ts'
import type { Office } from './office.ts'
import type { Peer, StudyRun } from './running/index.ts'

export type SiteSocket = Socket<WireEvents<typeof siteMessages>, WireEvents<typeof coordinatorMessages>>

/** From the connection to the join: a site answers at once, and whoever does not is no site. */
export const JOIN_WITHIN_MS = 10_000
/** A site may look at a record while its disk is busy; one whose thread is held for long loses its connection before. */
const ANSWER_WITHIN_MS = 60_000

/** Serves a socket until it closes. @param door Everything goes through it that may change something. */
export function openSession(
  socket: SiteSocket,
  office: Office,
  door: Door,
  clock: Clock,
  parentLog: Log,
): void {
  const nonce = randomBytes(24).toString('base64url')
  let log = parentLog
  let joined: { peer: Peer; run: StudyRun } | null = null
  /** A join is being checked: one at a time, or one connection could sit in two studies. */
  let joining = false
  /** A site that says it knows more than this coordinator; it may do nothing but show it. */
  let proving: { site: string; run: StudyRun } | null = null

  const refuse = (error: TesseraError): void => {
    office.observer.refused('session', error.code)
    refuseSession(socket, error, log)
  }
  const say = <E extends Exclude<CoordinatorMessage, 'session:refused'>>(
    event: E,
    request: Request<typeof coordinatorMessages, E>,
    timeoutMs: number,
  ): Promise<void> =>
    call(socket, coordinatorMessages, event, request, { timeoutMs, clock }).then(
      () => undefined,
      // Unanswered, it is said again when the site comes back: state is on disk, not in messages.
      (thrown: unknown) => {
        const { code } = asTesseraError(thrown)
        if (code !== 'ERR_CONNECTION_LOST') log.warn('message.unanswered', { code, reason: event })
      },
    )
  type Handler<E extends SiteMessage> = (
    request: Request<typeof siteMessages, E>,
  ) => ReplyBody<typeof siteMessages, E> | Promise<ReplyBody<typeof siteMessages, E>>
  const answerAlways = <E extends SiteMessage>(event: E, handler: Handler<E>): void =>
    serve(socket, siteMessages, event, handler, {
      onRefused({ code, message }) {
        office.observer.refused('message', code)
        log.warn('message.refused', { code, reason: `${event}: ${message}` })
      },
    })
  const answer = <E extends SiteMessage>(event: E, handler: Handler<E>): void =>
    answerAlways(event, (request) => door.enter(() => handler(request)))
  const session = (): { site: string; run: StudyRun } => {
    if (joined !== null) return { site: joined.peer.site, run: joined.run }
    throw new TesseraError('ERR_NOT_JOINED', 'session must have joined a study, got none')
  }
  /** @throws {TesseraError} ERR_STUDY_UNKNOWN if the message is of another study than the session. */
  const inStudy = (study: string): { site: string; run: StudyRun } => {
    const current = session()
    if (current.run.study.id === study) return current
    throw new TesseraError(
      'ERR_STUDY_UNKNOWN',
      `study must be the joined ${current.run.study.id}, got ${study}`,
    )
  }

  let cancelTimer = clock.schedule(() => refuse(notJoined()), JOIN_WITHIN_MS)
  onBadFrame(socket, refuse)
  const outlet = office.outlets(() => flushed(socket))
  const stopCounting = countUnread(socket, refuse)
  office.observer.session(1)
  socket.on('disconnect', () => {
    office.observer.session(-1)
    cancelTimer()
    stopCounting()
    if (joined !== null) joined.run.leave(joined.peer)
    // Who leaves the session may keep the connection below it, which no timer would end.
    socket.conn.close()
  })

  const join = async (token: string): Promise<{ welcome: string; plan: string }> => {
    const { join: claim, run } = await office.admit(token, nonce)
    const { site, instance } = claim
    const peer: Peer = {
      site,
      instance,
      nonce,
      connected: () => socket.connected,
      refuse,
      // One after the other: a record is told before the offer that follows from it.
      offer: (offer) => void outlet.say(() => say('round:offer', { offer }, ANSWER_WITHIN_MS)),
      published: (record) => outlet.say(() => say('round:published', { record }, ANSWER_WITHIN_MS)),
      snapshot: (welcome) => outlet.say(() => say('session:snapshot', { welcome }, ANSWER_WITHIN_MS)),
    }
    // A connection that broke while its join was checked leaves no session behind.
    const { welcome, proves } = await run.join(peer, claim)
    cancelTimer()
    log = parentLog.child({ site, study: run.study.id })
    if (proves) {
      proving = { site, run }
      cancelTimer = clock.schedule(() => refuse(notJoined()), JOIN_WITHIN_MS)
    } else joined = { peer, run }
    return { welcome, plan: run.plan }
  }

  answer('site:enroll', async ({ request }) => ({ confirmation: await office.enrol(request) }))
  answer('site:rotate', async (request) => ({ confirmation: await office.rotate(request) }))
  answer('key:fetch', ({ number }) => office.keyChange(number))
  answer('session:join', async ({ token }) => {
    if (joining || joined !== null || proving !== null)
      throw new TesseraError('ERR_MESSAGE_INVALID', 'session must join once, got a second join')
    joining = true
    try {
      return await join(token)
    } finally {
      joining = false
    }
  })
  answer('ledger:show', async ({ record }) => {
    if (proving === null) throw notJoined()
    return proving.run.showRecord(proving.site, record)
  })
  answer('ledger:fetch', async ({ study, round }) => ({ record: await inStudy(study).run.record(round) }))
  answer('model:open', async ({ sha256 }) => {
    assertMayFetch(session().run, sha256)
    const { totalBytes, digests } = await office.models.list(sha256)
    return { totalBytes, chunks: digests }
  })
  // It changes nothing, and who reads slowly must not hold up the coordinator's end.
  answerAlways('model:chunk', ({ sha256, index }) => {
    const { site, run } = session()
    assertMayFetch(run, sha256)
    return outlet.answer(async () => {
      const answer = await readChunk(office, sha256, index)
      run.fetched(site, answer.chunk.byteLength)
      office.observer.moved('sent', answer.chunk.byteLength)
      return answer
    })
  })
  answer('round:progress', ({ study, round, ...told }) => {
    const { site, run } = inStudy(study)
    run.progress(site, round, told)
    return {}
  })
  answer('round:decline', async ({ study, round, code }) => {
    const { site, run } = inStudy(study)
    await run.decline(site, round, code)
    return {}
  })
  answer('round:judge', async ({ judgement }) => {
    const { site, run } = session()
    await run.judge(site, judgement)
    return {}
  })
  answer('upload:open', async ({ manifest, chunks }) => {
    const { site, run } = session()
    const { upload, window } = await run.openUpload(site, manifest, chunks)
    const { missing, list } = upload.file
    return { upload: upload.id, missing: packMissing(missing, chunkCount(list.totalBytes)), window }
  })
  answer('upload:chunk', async ({ upload, index, chunk }) => {
    const { site, run } = session()
    const window = await run.uploadChunk(site, upload, index, chunk)
    office.observer.moved('received', chunk.byteLength)
    return { window }
  })
  answer('upload:commit', async ({ upload }) => {
    const { site, run } = session()
    return { receipt: await run.commitUpload(site, upload) }
  })

  // Last: whoever answers the challenge finds everything served.
  void say('session:challenge', { protocol: PROTOCOL_VERSION, nonce }, JOIN_WITHIN_MS)
}

/** Says why, and hangs up. */
export function refuseSession(socket: SiteSocket, { code, message }: TesseraError, log: Log): void {
  log.warn('session.refused', { code, reason: message })
  socket.emit('session:refused', { code, message: message.slice(0, 1000) }, () => undefined)
  socket.disconnect(true)
}

function notJoined(): TesseraError {
  return new TesseraError('ERR_NOT_JOINED', `session must join within ${JOIN_WITHIN_MS} ms, got no join`)
}

/** Refuses a peer for whom too much waits that it does not read. Gives how to stop. */
function countUnread({ conn }: SiteSocket, refuse: (error: TesseraError) => void): () => void {
  let unread = 0
  const onFrame = (): void => {
    // Once: the refusal is a frame too.
    if (++unread !== MAX_UNREAD_FRAMES + 1) return
    refuse(
      new TesseraError(
        'ERR_RATE_LIMIT',
        `site must read what it asks for, got ${MAX_UNREAD_FRAMES} frames that wait`,
      ),
    )
  }
  const onDrain = (): void => {
    unread = 0
  }
  conn.on('packetCreate', onFrame)
  conn.on('drain', onDrain)
  return () => {
    conn.off('packetCreate', onFrame)
    conn.off('drain', onDrain)
  }
}

/** @throws {TesseraError} ERR_MODEL_UNKNOWN */
function assertMayFetch(run: StudyRun, sha256: string): void {
  if (run.mayFetch(sha256)) return
  throw new TesseraError('ERR_MODEL_UNKNOWN', `model must be the study's student or teacher, got ${sha256}`)
}

async function readChunk(
  office: Office,
  sha256: string,
  index: number,
): Promise<ReplyBody<typeof siteMessages, 'model:chunk'>> {
  const { part } = await office.models.loadPart(sha256, index * CHUNK_BYTES, CHUNK_BYTES)
  return { chunk: part }
}

/** Waits until all that was written to a connection has left the process, or the connection has ended. */
async function flushed({ conn }: SiteSocket): Promise<void> {
  while (conn.readyState === 'open' && !conn.transport.writable) {
    await new Promise<void>((resolve) => {
      const { transport } = conn
      const done = (): void => {
        transport.off('ready', done)
        conn.off('close', done)
        conn.off('upgrade', done)
        resolve()
      }
      transport.on('ready', done)
      conn.on('close', done)
      conn.on('upgrade', done)
    })
  }
}
