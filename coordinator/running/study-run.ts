/** @file One study while the coordinator runs: its round machine, who is connected, and what follows from each event. */
import { TesseraError } from '@tessera/shared/errors'
import { layoutHash, studentLayout } from '@tessera/shared/model'
import { createNonce, sha256Hex } from '@tessera/shared/security'
import { admitJudgement, type Border, checkSiteState } from '../admission/index.ts'
import { observed } from '../operation/observer.ts'
import { type Command, decide, evolve, isOver, type RoundEvent, type RoundsState } from '../rounds/index.ts'
import type { PlannedStudy } from '../studies/plan.ts'
import { mayFetch, mayUpload } from './access.ts'
import { createActivity } from './activity.ts'
import { announce } from './announce.ts'
import { createAttendance } from './attendance.ts'
import { createDeliveries } from './deliveries.ts'
import { createDrive } from './drive.ts'
import { behind, endOf } from './endings.ts'
import { createLastWords } from './last-words.ts'
import { studyProgress } from './progress.ts'
import { publishRound, type Watch } from './publish.ts'
import { createRecords, type Publication } from './records.ts'
import { createRoundTime } from './round-time.ts'
import { checkShown } from './shown-record.ts'
import { createSigns } from './signs.ts'
import type { StudyContext, StudyRun } from './study-context.ts'
import { createTelling } from './telling.ts'

/**
 * Brings a study to life at the state its log gave.
 * @param publishedRounds So far, in their order.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if this version of Tessera gives the study another layout than the one it was created with.
 */
export function createStudyRun(
  created: PlannedStudy,
  replayed: RoundsState,
  publishedRounds: readonly Publication[],
  context: StudyContext,
): StudyRun {
  const { study } = created
  const { store, key, clock, observer } = context
  const log = context.log.child({ study: study.id })
  const layout = studentLayout(study)
  const planHash = sha256Hex(created.plan)
  if (layoutHash(layout) !== created.layoutHash) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `study ${study.id} must have layout ${created.layoutHash}, got ${layoutHash(layout)}`,
    )
  }
  const activity = createActivity(clock, study.training.batchSize)
  const signs = createSigns()
  const time = createRoundTime(clock)
  const records = createRecords(study.id, store, publishedRounds)
  let state = replayed

  const border = (site: string): Border => ({
    study,
    layout,
    layoutHash: created.layoutHash,
    rounds: state,
    registry: context.registry(),
    site,
    nowMs: time.now(),
  })
  const snapshot = (): ReturnType<typeof studyProgress> =>
    studyProgress(state, new Set(attendance.sites()), activity.training(), deliveries.announced())
  const { tell: changed, end: endTelling } = createTelling(clock, () => {
    context.onChange?.()
    context.onProgress?.(snapshot())
  })

  // What is delivered is dated as its round is measured, so that a grace that it begins has its length.
  const ownContext = { ...context, clock: { ...clock, now: () => time.now() } }
  const deliveries = createDeliveries(study.id, ownContext, border, (command) => take(command))

  const attendance = createAttendance({
    created,
    models: store.models,
    key,
    clock,
    log,
    deciding: context.deciding,
    state: () => state,
    receivedOf: (site) => deliveries.receivedOf(site),
  })

  const lastWords = createLastWords(
    clock,
    () => state,
    (site) => context.registry().sites.get(site)?.revoked !== false,
    () => context.onEnd(null),
  )

  /** Logs an event, then believes it. Only within `deciding`. */
  const record = async (event: RoundEvent): Promise<void> => {
    const next = evolve(state, event) // an event that cannot follow is refused before it is written
    const number = await store.append(event)
    state = next
    if (event.type === 'round.published') records.add({ number, student: event.student })
    await react(event)
    await context.recorded(event)
  }
  const take = async (command: Command): Promise<number> => {
    const events = decide(state, command)
    for (const event of events) await record(event)
    return events.length
  }

  const react = async (event: RoundEvent): Promise<void> => {
    announce(log, event, state)
    if (state.phase !== 'collecting') time.end()
    if (event.type === 'round.opened') {
      time.begin(event.openedAtMs)
      activity.opened()
      signs.clear()
      await attendance.sendOffers()
    } else if (event.type === 'round.closed') {
      // A late delta may still be coming in; it gives way to its site's next one.
      if (study.federation.late === 'refuse') inBackground(() => deliveries.clear())
    } else if (event.type === 'round.published') {
      const told = attendance.sendRecord(event.record)
      // Not before the sites have heard it: whoever waits for the end may close the coordinator then.
      if (state.phase === 'finished') void told.then(() => lastWords.await())
    } else if (event.type === 'study.halted') {
      for (const site of attendance.sites()) attendance.expel(site, behind(study.id, event.record))
      context.onEnd(endOf(state))
    } else if (event.type === 'study.stopped') context.onEnd(endOf(state))
    changed()
  }

  const publish = async (): Promise<void> => {
    const startedMs = clock.elapsed()
    const { round, attempt } = state
    const watch: Watch = (work, doing) => observed(observer, clock, { work, study: study.id, round }, doing)
    const { diagnostics, ...made } = await watch('publish', () =>
      publishRound({ study, layout, plan: planHash }, state, store, key, watch),
    )
    const events = await context.deciding(() => take({ type: 'publish', ...made }))
    // Cancelled, or halted, while it was computed.
    if (events === 0) return
    log.info('round.published', {
      round,
      attempt,
      sites: diagnostics.sites,
      samples: diagnostics.samples,
      norm: diagnostics.norm,
      sha256: made.student,
      durationMs: Math.round(clock.elapsed() - startedMs),
    })
  }

  const { inBackground, advance, published, stop } = createDrive({
    clock,
    log,
    deciding: context.deciding,
    state: () => state,
    now: () => time.now(),
    tick: () =>
      take({
        type: 'tick',
        nowMs: time.now(),
        present: attendance.sites(),
        signs: signs.times,
        nonce: createNonce,
      }),
    publish,
    onFault: (error) => context.onEnd(error),
  })

  /** A late update that comes while a student is being made counts in the round after it: it waits until there is one. */
  const betweenRounds = async (): Promise<void> => {
    if (study.federation.late !== 'refuse') await published()
  }

  return {
    study,
    state: () => state,
    snapshot,
    connected: () => attendance.sites(),
    activity: (site) => activity.of(site),
    bytesDown: () => activity.bytesDown(),
    announced: () => deliveries.announced(),
    start() {
      log.info('study.started', { round: state.round, attempt: state.attempt, reason: state.phase })
      if (state.phase === 'finished') lastWords.await()
      else if (isOver(state.phase)) context.onEnd(endOf(state))
      if (state.phase === 'collecting' && state.current) time.goOn(state.policy, state.current)
      inBackground(() => deliveries.sweep(mayUpload(state)))
      inBackground(() => advance(async () => void (await take({ type: 'resume', nowMs: clock.now() }))))
    },
    plan: created.plan,
    record: (round) => records.find(round),
    async join(peer, claim) {
      const { welcome, proves, entered, offerNonce } = await attendance.enter(peer, claim)
      if (entered) {
        activity.joined(peer.site, claim)
        changed()
        // Later, so that the welcome is on its way before what follows from it.
        setImmediate(() => inBackground(() => advance(() => attendance.catchUp(peer, claim, offerNonce))))
      }
      return { welcome, proves }
    },
    async showRecord(site, token) {
      const round = await checkShown(token, state, context.keyOf)
      await context.deciding(
        async () => void (await take({ type: 'halt', site, record: round, nowMs: clock.now() })),
      )
      throw behind(study.id, round)
    },
    leave(peer) {
      if (!attendance.leave(peer)) return
      activity.seen(peer.site)
      changed()
    },
    revoke(event) {
      state = evolve(state, event)
      const revoked = new TesseraError('ERR_SITE_REVOKED', `site must not be revoked, got ${event.site}`)
      attendance.expel(event.site, revoked)
      changed()
      lastWords.look()
      inBackground(advance)
      inBackground(() => deliveries.drop(event.site))
    },
    obey(event) {
      state = evolve(state, event)
      announce(log, event, state)
      if (state.phase !== 'collecting') time.end()
      changed()
      if (event.type === 'round.called') {
        inBackground(advance)
        return
      }
      const told = attendance.sendSnapshots()
      if (state.phase === 'cancelled') {
        inBackground(async () => {
          await told
          context.onEnd(null)
        })
        inBackground(() => deliveries.clear())
      } else inBackground(() => told.then(() => advance()))
    },
    replaceKey(site) {
      attendance.refuse(
        site,
        new TesseraError(
          'ERR_SITE_KEY',
          `site must speak with its new key, got a session of ${site}'s old one`,
        ),
      )
      // What the old key has announced and not delivered must be announced again.
      inBackground(() => deliveries.drop(site))
    },
    mayFetch: (sha256) => mayFetch(study, state, records, sha256),
    fetched(site, bytes) {
      activity.fetched(site, bytes)
      changed()
    },
    progress(site, round, told) {
      const { current, phase } = state
      const asked = phase === 'collecting' && current?.round === round && current.offers.has(site)
      if (!asked || current.accepted.has(site)) return
      activity.trained(site, told)
      signs.note(site, 'step', told.step, time.now())
      changed()
    },
    async decline(site, round, code) {
      await context.deciding(
        async () => void (await take({ type: 'decline', site, round, code, nowMs: time.now() })),
      )
      activity.came(site, 'declined')
      inBackground(advance)
    },
    async judge(site, token) {
      const { round, student, counts, withheld } = await admitJudgement(token, border(site))
      await context.deciding(async () => {
        checkSiteState(border(site), site)
        const said = { judgement: token, judgementSha256: sha256Hex(token), receivedAtMs: clock.now() }
        await take({ type: 'judge', judgement: { site, round, student, counts, withheld, ...said } })
      })
      lastWords.look()
    },
    async openUpload(site, token, digests) {
      await betweenRounds()
      const opened = await deliveries.open(site, token, digests)
      activity.came(site, 'uploading')
      changed()
      return opened
    },
    async uploadChunk(site, id, index, chunk) {
      const window = await deliveries.chunk(site, id, index, chunk)
      signs.note(site, 'bytes', deliveries.receivedOf(site), time.now())
      changed()
      return window
    },
    async commitUpload(site, id) {
      await betweenRounds()
      const receipt = await deliveries.commit(site, id)
      inBackground(advance)
      return receipt
    },
    async stop() {
      endTelling()
      lastWords.stop()
      // What has come in stays on the disk: it goes on after the next start.
      await stop()
    },
  }
}
