/** @file The operator's word on a study that is there: pause, resume, cancel, close its round; clone; and the report on who took part. */
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { type Study, study as studySchema } from '@tessera/shared/protocol'
import { loadCoordinator } from '../config.ts'
import { alarms, isOver, participation, type RoundParticipation } from '../rounds/index.ts'
import { readEvents, submit } from '../store/index.ts'
import { signPlan } from './plan.ts'
import { findStudy, replayRounds, replayStudy } from './replay.ts'

interface StudyOptions {
  readonly dir: string
  readonly study: string
  readonly clock?: Clock | undefined
}

const EVENTS = { pause: 'study.paused', resume: 'study.unpaused', cancel: 'study.cancelled' } as const
export type Word = keyof typeof EVENTS

/**
 * Gives the coordinator a word: at once, or within seconds if it runs. What it changes nothing about, it passes over.
 * @throws {TesseraError} ERR_STUDY_UNKNOWN; ERR_CONFIG_INVALID, ERR_STORE_WRITE
 */
export async function tellStudy(
  { dir, study, clock = systemClock }: StudyOptions,
  word: Word,
): Promise<void> {
  await loadCoordinator(dir)
  findStudy(await readEvents(dir), study)
  await submit(dir, { type: EVENTS[word], study, atMs: clock.now() })
}

/**
 * Ends the open round now, with what has come in: published if that is enough, else it is opened again.
 * @throws {TesseraError} ERR_ROUND_CLOSED if none is open; ERR_STUDY_UNKNOWN; ERR_CONFIG_INVALID, ERR_STORE_WRITE
 */
export async function closeRound({ dir, study, clock = systemClock }: StudyOptions): Promise<{
  round: number
  attempt: number
}> {
  await loadCoordinator(dir)
  const events = await readEvents(dir)
  const { phase, round, attempt } = replayRounds(findStudy(events, study), events)
  if (phase !== 'collecting') {
    throw new TesseraError('ERR_ROUND_CLOSED', `study ${study} must have an open round, got phase ${phase}`)
  }
  // By its number: a round that opens meanwhile is not meant.
  await submit(dir, { type: 'round.called', study, round, attempt, atMs: clock.now() })
  return { round, attempt }
}

/**
 * Creates a study like another, under a new id: it starts from the same initial student, or from the one that `round` published. The way on
 * for a study that was cancelled or halted, or that should have other sites.
 * @throws {TesseraError} ERR_STUDY_UNKNOWN, ERR_STUDY_EXISTS, ERR_STUDY_INVALID; ERR_MODEL_UNKNOWN if the round has no student.
 */
export async function cloneStudy({
  dir,
  study: from,
  id,
  round,
  clock = systemClock,
}: StudyOptions & { readonly id: string; readonly round?: number | undefined }): Promise<{
  study: Study
  student: string
}> {
  const { key } = await loadCoordinator(dir)
  const events = await readEvents(dir)
  const created = findStudy(events, from)
  if (events.some((event) => event.type === 'study.created' && event.study.id === id)) {
    throw new TesseraError('ERR_STUDY_EXISTS', `study must be new, got ${id} that exists`)
  }
  const student = round === undefined ? created.student : studentOf(round)
  const named = studySchema.safeParse({
    ...created.study,
    id,
    // It no longer starts from what the study says, but from a file: that of a round.
    ...(round === undefined ? {} : { student: { ...created.study.student, initial: 'file' } }),
  })
  if (!named.success) {
    throw new TesseraError('ERR_STUDY_INVALID', 'id must be 1 to 63 of a-z, 0-9, - and _, got another')
  }
  const { layoutHash } = created
  const clone = { study: named.data, layoutHash, student, atMs: clock.now() }
  await submit(dir, { type: 'study.created', ...clone, plan: await signPlan(clone, key) })
  return { study: named.data, student }

  function studentOf(round: number): string {
    const { ended } = replayStudy(created, events)
    const published = ended.find((past) => past.round === round && past.end?.student)?.end?.student
    if (published) return published
    throw new TesseraError('ERR_MODEL_UNKNOWN', `round of ${from} must be published, got ${round}`)
  }
}

export interface StudyReport {
  readonly study: string
  readonly phase: string
  /** Sites left out of `alarmAfter` rounds running, or more. */
  readonly excluded: readonly { readonly site: string; readonly rounds: number }[]
  readonly rounds: readonly RoundParticipation[]
}

/** Who took part in each ended attempt, from the log. @throws {TesseraError} ERR_STUDY_UNKNOWN, ERR_CONFIG_INVALID, ERR_STORE_CORRUPT */
export async function reportStudy({ dir, study }: Omit<StudyOptions, 'clock'>): Promise<StudyReport> {
  await loadCoordinator(dir)
  const events = await readEvents(dir)
  const { state, ended } = replayStudy(findStudy(events, study), events)
  // Of a study that is over nobody is missing any more.
  const excluded = isOver(state.phase) ? [] : alarms(state)
  return { study, phase: state.phase, excluded, rounds: participation(ended, state) }
}
