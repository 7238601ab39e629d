/** @file What the log says of one study. */
import { TesseraError } from '@tessera/shared/errors'
import { isIdentityEvent, type StoredEvent, type StudyCreated } from '../events.ts'
import {
  initialRounds,
  type JudgedStudent,
  type Round,
  type RoundEvent,
  type RoundsState,
  replayHistory,
  replayJudging,
} from '../rounds/index.ts'

/** Study by study, in the order of creation. A study that a crash has logged twice counts once. */
export function createdStudies(events: readonly StoredEvent[]): StudyCreated[] {
  const created = new Map<string, StudyCreated>()
  for (const event of events) {
    if (event.type === 'study.created' && !created.has(event.study.id)) created.set(event.study.id, event)
  }
  return [...created.values()]
}

/** The state of a study's rounds after all events. */
export function replayRounds(created: StudyCreated, events: readonly StoredEvent[]): RoundsState {
  return replayStudy(created, events).state
}

/** The same, with every attempt that has ended. */
export function replayStudy(
  { study, student }: StudyCreated,
  events: readonly StoredEvent[],
): { state: RoundsState; ended: Round[] } {
  return replayHistory(initialRounds(study, student), roundEvents(events))
}

/** What its sites have said of its students. */
export function replayJudgedStudents(
  { study, student }: StudyCreated,
  events: readonly StoredEvent[],
): JudgedStudent[] {
  return replayJudging(initialRounds(study, student), roundEvents(events))
}

function roundEvents(events: readonly StoredEvent[]): RoundEvent[] {
  return events.filter(
    (event): event is RoundEvent => !isIdentityEvent(event) && event.type !== 'study.created',
  )
}

/** @throws {TesseraError} ERR_STUDY_UNKNOWN */
export function findStudy(events: readonly StoredEvent[], id: string): StudyCreated {
  const found = createdStudies(events).find(({ study }) => study.id === id)
  if (found === undefined) throw new TesseraError('ERR_STUDY_UNKNOWN', `study must exist, got ${id}`)
  return found
}
