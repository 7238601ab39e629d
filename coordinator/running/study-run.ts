/** @file One study while the coordinator runs: its round machine, who is connected, and what follows from each event. */
import { asTesseraError, ERROR_CODES, TesseraError } from '@tessera/shared/errors'
import { layoutHash, studentLayout } from '@tessera/shared/model'
import { createNonce, sha256Hex } from '@tessera/shared/security'
import type { Border } from '../admission/index.ts'
import { type Command, decide, evolve, type RoundEvent, type RoundsState } from '../rounds/index.ts'
import type { PlannedStudy } from '../studies/plan.ts'
import { createDeliveries } from './deliveries.ts'
import { studyProgress, type TrainingProgress } from './progress.ts'
import { publishRound } from './publish.ts'
import type { Peer, StudyContext, StudyRun } from './study-context.ts'
import { findRecord, signOffer, signWelcome } from './tokens.ts'

/** Longest delay a Node timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1
/** A full disk or a busy volume: time for an operator or a quota to act, short against any round. */
const RETRY_MS = 30_000

/**
 * Brings a study to life at the state its log gave.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if this version of Tessera gives the study another layout than the one it was created with.
 */
export function createStudyRun(
  created: PlannedStudy,
  replayed: RoundsState,
  context: StudyContext,
): StudyRun {
  const { study } = created
  const { store, key, clock } = context
  const log = context.log.child({ study: study.id })
  const layout = studentLayout(study)
  const planHash = sha256Hex(created.plan)
  if (layoutHash(layout) !== created.layoutHash) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `study ${study.id} must have layout ${created.layoutHash}, got ${layoutHash(layout)}`,
    )
  }
  const peers = new Map<string, Peer>()
  const training = new Map<string, TrainingProgress>()
  let state = replayed
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
    studyProgress(state, new Set(peers.keys()), training, deliveries.received())
  const changed = (): void => context.onProgress(snapshot())

  const deliveries = createDeliveries(study.id, context, border, (command) => take(command))

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
        inBackground(() => deliveries.clear())
        break
      case 'round.published': {
        const told = Promise.all([...peers.values()].map((peer) => peer.published(event.record)))
        // Not before the sites have heard it: whoever waits for the end may close the coordinator then.
        if (state.phase === 'finished') void told.then(() => context.onEnd(null))
        break
      }
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
    const offer = await signOffer(created, state, peer.site, store.models, key)
    if (offer !== null) peer.offer(offer)
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
    const { diagnostics, ...made } = await publishRound({ study, layout, plan: planHash }, state, store, key)
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

  return {
    study,
    state: () => state,
    snapshot,
    start() {
      log.info('study.started', { round: state.round, attempt: state.attempt, reason: state.phase })
      if (state.phase === 'finished') context.onEnd(null)
      const open = state.phase === 'collecting' ? state.current : null
      inBackground(() => deliveries.sweep(new Set(open?.offers.keys())))
      inBackground(() => advance(async () => void (await take({ type: 'resume', nowMs: clock.now() }))))
    },
    plan: created.plan,
    welcome: (site, nonce) => signWelcome(created, state, { site, nonce }, key),
    record: (round) => findRecord(state, round),
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
      inBackground(() => deliveries.drop(event.site))
    },
    replaceKey(site) {
      peers
        .get(site)
        ?.refuse(
          new TesseraError(
            'ERR_SITE_KEY',
            `site must speak with its new key, got a session of ${site}'s old one`,
          ),
        )
      // What the old key has announced and not delivered must be announced again.
      inBackground(() => deliveries.drop(site))
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
    async openUpload(site, token, digests) {
      const opened = await deliveries.open(site, token, digests)
      changed()
      return opened
    },
    async uploadChunk(site, id, index, chunk) {
      const window = await deliveries.chunk(site, id, index, chunk)
      changed()
      return window
    },
    async commitUpload(site, id) {
      const receipt = await deliveries.commit(site, id)
      inBackground(advance)
      return receipt
    },
    async stop() {
      stopped = true
      cancelTimer()
      // What has come in stays on the disk: it goes on after the next start.
      await publishing?.catch(() => undefined)
    },
  }
}
