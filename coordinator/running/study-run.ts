/** @file One study while the coordinator runs: its round machine, who is connected, and what follows from each event. */
import { TesseraError } from '@tessera/shared/errors'
import { layoutHash, studentLayout } from '@tessera/shared/model'
import { createNonce, sha256Hex } from '@tessera/shared/security'
import { admitJudgement, type Border, checkSiteState } from '../admission/index.ts'
import { isOver, type RoundEvent, type RoundsState } from '../rounds/index.ts'
import type { PlannedStudy } from '../studies/plan.ts'
import { mayFetch, mayUpload } from './access.ts'
import { createActivity } from './activity.ts'
import { announce } from './announce.ts'
import { createAttendance } from './attendance.ts'
import { createDeliveries } from './deliveries.ts'
import { createDrive } from './drive.ts'
import { behind, endOf } from './endings.ts'
import { createHeeding } from './heeding.ts'
import { createLastWords } from './last-words.ts'
import { studyProgress } from './progress.ts'
import { createPublishing } from './publishing.ts'
import { createRecords, type Publication } from './records.ts'
import { createRoundTime } from './round-time.ts'
import { checkShown } from './shown-record.ts'
import { createSigns } from './signs.ts'
import type { StudyContext, StudyRun } from './study-context.ts'
import { createStudyLog, type StudyLog } from './study-log.ts'
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
  const activity = createActivity(clock, study.training.batchSize)
  const signs = createSigns()
  const time = createRoundTime(clock)
  const records = createRecords(study.id, store, publishedRounds)
  const rounds: StudyLog = createStudyLog(replayed, {
    append: (event) => store.append(event),
    async react(event, number) {
      if (event.type === 'round.published') records.add({ number, student: event.student })
      await react(event)
      await context.recorded(event)
    },
  })
  const state = (): RoundsState => rounds.state()

  const border = (site: string): Border => ({
    study,
    layout,
    layoutHash: created.layoutHash,
    rounds: state(),
    registry: context.registry(),
    site,
    nowMs: time.now(),
  })
  const snapshot = (): ReturnType<typeof studyProgress> =>
    studyProgress(state(), new Set(attendance.sites()), activity.training(), deliveries.announced())
  const { tell: changed, end: endTelling } = createTelling(clock, () => {
    context.onChange?.()
    context.onProgress?.(snapshot())
  })

  // What is delivered is dated as its round is measured, so that a grace that it begins has its length.
  const ownContext = { ...context, clock: { ...clock, now: () => time.now() } }
  const deliveries = createDeliveries(study.id, ownContext, border, (command) => rounds.take(command))

  const attendance = createAttendance({
    created,
    models: store.models,
    key,
    clock,
    log,
    deciding: context.deciding,
    state,
    receivedOf: (site) => deliveries.receivedOf(site),
  })

  const lastWords = createLastWords(
    clock,
    state,
    (site) => context.registry().sites.get(site)?.revoked !== false,
    () => context.onEnd(null),
  )

  const react = async (event: RoundEvent): Promise<void> => {
    const { phase } = state()
    announce(log, event, state())
    if (phase !== 'collecting') time.end()
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
      if (phase === 'finished') void told.then(() => lastWords.await())
    } else if (event.type === 'study.halted') {
      for (const site of attendance.sites()) attendance.expel(site, behind(study.id, event.record))
      context.onEnd(endOf(state()))
    } else if (event.type === 'study.stopped') context.onEnd(endOf(state()))
    changed()
  }

  const drive = createDrive({
    clock,
    log,
    deciding: context.deciding,
    state,
    now: () => time.now(),
    tick: () =>
      rounds.take({
        type: 'tick',
        nowMs: time.now(),
        present: attendance.sites(),
        signs: signs.times,
        nonce: createNonce,
      }),
    publish: createPublishing({ study, layout, plan: planHash }, rounds, { ...context, log }),
    onFault: (error) => context.onEnd(error),
  })
  const { inBackground, advance, published, stop } = drive
  const heeding = createHeeding({
    rounds,
    attendance,
    deliveries,
    drive,
    lastWords,
    time,
    log,
    changed,
    onEnd: (error) => context.onEnd(error),
  })

  /** A late update that comes while a student is being made counts in the round after it: it waits until there is one. */
  const betweenRounds = async (): Promise<void> => {
    if (study.federation.late !== 'refuse') await published()
  }

  return {
    study,
    state,
    snapshot,
    connected: () => attendance.sites(),
    activity: (site) => activity.of(site),
    bytesDown: () => activity.bytesDown(),
    announced: () => deliveries.announced(),
    start() {
      const { phase, round, attempt, policy, current } = state()
      log.info('study.started', { round, attempt, reason: phase })
      if (phase === 'finished') lastWords.await()
      else if (isOver(phase)) context.onEnd(endOf(state()))
      if (phase === 'collecting' && current) time.goOn(policy, current)
      inBackground(() => deliveries.sweep(mayUpload(state())))
      inBackground(() =>
        advance(async () => void (await rounds.take({ type: 'resume', nowMs: clock.now() }))),
      )
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
      const round = await checkShown(token, state(), context.keyOf)
      await context.deciding(
        async () => void (await rounds.take({ type: 'halt', site, record: round, nowMs: clock.now() })),
      )
      throw behind(study.id, round)
    },
    leave(peer) {
      if (!attendance.leave(peer)) return
      activity.seen(peer.site)
      changed()
    },
    ...heeding,
    mayFetch: (sha256) => mayFetch(study, state(), records, sha256),
    fetched(site, bytes) {
      activity.fetched(site, bytes)
      changed()
    },
    progress(site, round, told) {
      const { current, phase } = state()
      const asked = phase === 'collecting' && current?.round === round && current.offers.has(site)
      if (!asked || current.accepted.has(site)) return
      activity.trained(site, told)
      signs.note(site, 'step', told.step, time.now())
      changed()
    },
    async decline(site, round, code) {
      await context.deciding(
        async () => void (await rounds.take({ type: 'decline', site, round, code, nowMs: time.now() })),
      )
      activity.came(site, 'declined')
      inBackground(advance)
    },
    async judge(site, token) {
      const { round, student, counts, withheld } = await admitJudgement(token, border(site))
      await context.deciding(async () => {
        checkSiteState(border(site), site)
        const said = { judgement: token, judgementSha256: sha256Hex(token), receivedAtMs: clock.now() }
        await rounds.take({ type: 'judge', judgement: { site, round, student, counts, withheld, ...said } })
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
