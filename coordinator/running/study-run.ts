/** @file One study while the coordinator runs: its round machine, who is connected, and what follows from each event. */
import { asTesseraError, ERROR_CODES, TesseraError } from '@tessera/shared/errors'
import { decodeModel, layoutHash, studentLayout, type Weights } from '@tessera/shared/model'
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { createNonce, sha256Hex, signPayload } from '@tessera/shared/security'
import {
  admitManifest,
  admitPayload,
  type Border,
  checkDigest,
  checkReceivedBytes,
  readmit,
} from '../admission/index.ts'
import type { StudyCreated } from '../events.ts'
import { type Command, decide, evolve, type RoundEvent, type RoundsState } from '../rounds/index.ts'
import { studyProgress, type TrainingProgress } from './progress.ts'
import { publishRound } from './publish.ts'
import type { Peer, StudyContext, StudyRun } from './study-context.ts'
import { createUploads, type Upload } from './uploads.ts'

/** Longest delay a Node timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** A full disk or a busy volume: time for an operator or a quota to act, short against any round. */
const RETRY_MS = 30_000

/**
 * Brings a study to life at the state its log gave.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if this version of Tessera gives the study another layout than the one it was created with.
 */
export function createStudyRun(
  created: StudyCreated,
  replayed: RoundsState,
  context: StudyContext,
): StudyRun {
  const { study } = created
  const { store, key, clock } = context
  const log = context.log.child({ study: study.id })
  const layout = studentLayout(study)
  if (layoutHash(layout) !== created.layoutHash) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `study ${study.id} must have layout ${created.layoutHash}, got ${layoutHash(layout)}`,
    )
  }
  const peers = new Map<string, Peer>()
  const training = new Map<string, TrainingProgress>()
  const uploads = createUploads(store.updates)
  let state = replayed
  let base: { sha256: string; weights: Weights } | null = null
  let publishing: Promise<void> | null = null
  let stopped = false
  let cancelTimer = (): void => undefined

  const border = (site: string): Border => ({
    study,
    layout,
    layoutHash: created.layoutHash,
    rounds: state,
    registry: context.registry(),
    site,
    nowMs: clock.now(),
  })
  const snapshot = (): ReturnType<typeof studyProgress> =>
    studyProgress(state, new Set(peers.keys()), training, uploads.received())
  const changed = (): void => context.onProgress(snapshot())

  /** Work that nobody waits for. What fails and may pass is tried again; anything else ends the study here and now. */
  const inBackground = (work: () => Promise<void>): void => {
    work().catch((thrown: unknown) => {
      if (stopped) return
      const error = asTesseraError(thrown)
      log.error('study.stalled', { code: error.code, reason: error.message, round: state.round })
      if (ERROR_CODES[error.code].retry) wake(RETRY_MS)
      else context.onEnd(error)
    })
  }
  const wake = (delayMs: number): void => {
    cancelTimer()
    cancelTimer = clock.schedule(() => inBackground(advance), Math.min(Math.max(delayMs, 1), MAX_TIMER_MS))
  }

  /** Logs an event, then believes it. Only within `deciding`. */
  const record = async (event: RoundEvent): Promise<void> => {
    const next = evolve(state, event) // an event that cannot follow is refused before it is written
    await store.append(event)
    state = next
    await react(event)
    changed()
  }
  const take = async (command: Command): Promise<number> => {
    const events = decide(state, command)
    for (const event of events) await record(event)
    return events.length
  }

  const react = async (event: RoundEvent): Promise<void> => {
    switch (event.type) {
      case 'round.opened':
        training.clear()
        log.info('round.opened', { round: event.round, attempt: event.attempt, sites: event.offers.length })
        for (const peer of peers.values()) await sendOffer(peer)
        break
      case 'update.accepted': {
        const { site, round, attempt, samples, bytes, norm } = event
        log.info('update.accepted', { site, round, attempt, samples, bytes, norm })
        break
      }
      case 'round.declined':
        log.warn('site.declined', { site: event.site, round: event.round, code: event.code })
        break
      case 'round.closed':
        for (const { site, code } of event.absent) log.warn('site.absent', { site, code, round: event.round })
        log.info('round.closed', {
          round: event.round,
          attempt: event.attempt,
          sites: event.contributors.length,
          reason: event.outcome,
        })
        void uploads.clear()
        break
      case 'round.published':
        base = null
        for (const peer of peers.values()) peer.published(event.record)
        if (state.phase === 'finished') context.onEnd(null)
        break
      case 'study.stopped':
        log.error('study.stopped', { round: event.round, code: 'ERR_ROUND_EMPTY' })
        context.onEnd(
          new TesseraError(
            'ERR_ROUND_EMPTY',
            `round ${event.round} of study ${study.id} must reach its quorum of ${state.quorum}, got fewer in every attempt`,
          ),
        )
        break
      case 'study.resumed':
        log.info('study.resumed', { round: event.round })
        break
      case 'site.revoked':
        break
    }
  }

  const sendOffer = async (peer: Peer): Promise<void> => {
    const { current, phase } = state
    const nonce = current?.offers.get(peer.site)
    if (current === null || phase !== 'collecting' || nonce === undefined) return
    if (current.accepted.has(peer.site) || current.excused.has(peer.site)) return
    const { totalBytes } = await store.models.loadPart(current.base, 0, 0)
    const { round, attempt, deadlineMs, openedAtMs } = current
    peer.offer(
      await signPayload(
        'offer',
        {
          study: study.id,
          site: peer.site,
          round,
          attempt,
          base: current.base,
          baseBytes: totalBytes,
          layoutHash: created.layoutHash,
          nonce,
          issuedAtMs: openedAtMs,
          deadlineMs,
        },
        key.privateKey,
      ),
    )
  }

  /** Lets the machine go as far as it can: `first`, then open, close and publish until nothing follows. */
  const advance = async (first: () => Promise<void> = async () => undefined): Promise<void> => {
    await context.deciding(async () => {
      await first()
      for (;;) {
        const present = [...peers.keys()]
        const tick: Command = { type: 'tick', nowMs: clock.now(), present, nonce: createNonce }
        if (stopped || (await take(tick)) === 0) break
      }
    })
    if (stopped) return
    if (state.phase === 'collecting' && state.current) wake(state.current.deadlineMs - clock.now())
    if (state.phase === 'closed' && publishing === null) {
      publishing = publish().finally(() => {
        publishing = null
      })
      await publishing
      await advance()
    }
  }
  const publish = async (): Promise<void> => {
    const startedMs = clock.now()
    const { diagnostics, ...made } = await publishRound({ study, layout }, state, store, key)
    const { round, attempt } = state
    await context.deciding(async () => void (await take({ type: 'publish', ...made })))
    log.info('round.published', {
      round,
      attempt,
      sites: diagnostics.sites,
      samples: diagnostics.samples,
      norm: diagnostics.norm,
      sha256: made.student,
      durationMs: clock.now() - startedMs,
    })
  }

  const baseWeights = async (sha256: string): Promise<Weights> => {
    if (base?.sha256 !== sha256)
      base = { sha256, weights: decodeModel(await store.models.load(sha256), layout) }
    return base.weights
  }

  const settle = async (upload: Upload): Promise<string> => {
    if (upload.receipt !== null) return upload.receipt
    const { manifest, incoming, token } = upload
    checkReceivedBytes(manifest, incoming.bytes)
    checkDigest(manifest, incoming.digest())
    const { norm } = await context.checking(async () =>
      admitPayload(manifest, await incoming.content(), {
        layout,
        base: await baseWeights(manifest.base),
        maxNorm: study.federation.maxNorm,
      }),
    )
    const { site, round, attempt, samples, payload, bytes } = manifest
    const manifestSha256 = sha256Hex(token)
    const receivedAtMs = clock.now()
    await context.deciding(async () => {
      readmit(manifest, border(site))
      await incoming.keep()
      const update = { round, attempt, site, samples, loss: manifest.metrics.loss, payload, bytes, norm }
      await take({ type: 'accept', update: { ...update, manifest: token, manifestSha256, receivedAtMs } })
    })
    const receipt = { study: study.id, site, round, attempt, payload, manifest: manifestSha256, receivedAtMs }
    upload.receipt = await signPayload('receipt', receipt, key.privateKey)
    inBackground(advance)
    return upload.receipt
  }

  return {
    study,
    state: () => state,
    snapshot,
    start() {
      log.info('study.started', { round: state.round, attempt: state.attempt, reason: state.phase })
      if (state.phase === 'finished') context.onEnd(null)
      inBackground(() => advance(async () => void (await take({ type: 'resume', nowMs: clock.now() }))))
    },
    welcome: (site, nonce) =>
      signPayload(
        'welcome',
        {
          protocol: PROTOCOL_VERSION,
          site,
          nonce,
          study,
          layoutHash: created.layoutHash,
          round: state.phase === 'finished' ? state.round : state.round - 1,
          student: state.student,
          finished: state.phase === 'finished',
        },
        key.privateKey,
      ),
    join(peer) {
      const earlier = peers.get(peer.site)
      peers.set(peer.site, peer)
      if (earlier !== undefined) {
        log.warn('site.replaced', { site: peer.site })
        earlier.refuse(
          new TesseraError(
            'ERR_CONNECTION_LOST',
            'site must have one session a study, got a newer one that replaces this',
          ),
        )
      }
      log.info('site.joined', { site: peer.site, sites: peers.size })
      changed()
      // Later, so that the welcome is on its way before the offer.
      setImmediate(() => inBackground(() => advance(() => sendOffer(peer))))
    },
    leave(peer) {
      if (peers.get(peer.site) !== peer) return
      peers.delete(peer.site)
      log.info('site.left', { site: peer.site, sites: peers.size })
      if (!stopped) changed()
    },
    revoke(event) {
      state = evolve(state, event)
      peers
        .get(event.site)
        ?.refuse(new TesseraError('ERR_SITE_REVOKED', `site must not be revoked, got ${event.site}`))
      peers.delete(event.site)
      changed()
      inBackground(advance)
      inBackground(() => uploads.drop(event.site))
    },
    mayFetch: (sha256) => [study.teacher?.sha256, state.student, state.current?.base].includes(sha256),
    progress(site, round, told) {
      const { current, phase } = state
      const asked = phase === 'collecting' && current?.round === round && current.offers.has(site)
      if (!asked || current.accepted.has(site)) return
      training.set(site, told)
      changed()
    },
    async decline(site, round, code) {
      await context.deciding(
        async () => void (await take({ type: 'decline', site, round, code, nowMs: clock.now() })),
      )
      inBackground(advance)
    },
    async openUpload(site, token) {
      const upload = await uploads.open(token, await admitManifest(token, border(site)))
      changed()
      return upload
    },
    async uploadChunk(site, id, offset, chunk) {
      const next = await uploads.append(site, id, offset, chunk)
      changed()
      return next
    },
    async commitUpload(site, id) {
      try {
        return await uploads.finish(site, id, settle)
      } catch (thrown) {
        const { code } = asTesseraError(thrown)
        // What is refused is of no more use; what could not be stored can be committed again.
        if (code !== 'ERR_STORE_WRITE' && code !== 'ERR_UPLOAD_UNKNOWN') await uploads.drop(site)
        throw thrown
      }
    },
    async stop() {
      stopped = true
      cancelTimer()
      await publishing?.catch(() => undefined)
      await uploads.clear()
    },
  }
}
