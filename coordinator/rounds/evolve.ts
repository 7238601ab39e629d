/** @file (state, event) → state: replaying a log gives the state it was written in. */
import { TesseraError } from '@tessera/shared/errors'
import type {
  DeadlineMoved,
  JudgementAccepted,
  RoundCalled,
  RoundClosed,
  RoundEvent,
  RoundOpened,
  RoundPublished,
  UpdateAccepted,
} from './events.ts'
import { closeJudging, openJudging, withJudgement, withoutSite } from './judging.ts'
import { type Answer, lateRound } from './late.ts'
import { leftOutAfter } from './left-out.ts'
import {
  type Delivered,
  isLastRound,
  isOver,
  keptRounds,
  type Phase,
  type Round,
  type RoundsState,
} from './state.ts'

/**
 * Gives the state after `event`. Events of other studies change nothing.
 * @throws {TesseraError} ERR_STORE_CORRUPT if the event cannot follow this state: the log was not written by this machine.
 */
export function evolve(state: RoundsState, event: RoundEvent): RoundsState {
  if (event.type === 'site.revoked') return excuse(forget(state, event.site), event.site, 'ERR_SITE_REVOKED')
  if (event.study !== state.study) return state
  // Assigned, not returned, so that the compiler sees a type of event that is missing here.
  let next: RoundsState
  switch (event.type) {
    case 'round.opened':
      next = opened(state, event)
      break
    case 'deadline.moved':
      next = moved(state, event)
      break
    case 'update.accepted':
      next = accepted(state, event)
      break
    case 'judgement.accepted':
      next = judged(state, event)
      break
    case 'round.declined':
      expectOpen(state, event)
      next = excuse(state, event.site, event.code)
      break
    case 'round.called':
      next = called(state, event)
      break
    case 'round.closed':
      next = closed(state, event)
      break
    case 'round.published':
      next = published(state, event)
      break
    case 'study.stopped':
      expect(state, event, ['waiting'])
      next = { ...state, phase: 'stopped' }
      break
    case 'study.resumed':
      expect(state, event, ['stopped'])
      next = { ...state, phase: 'waiting', failures: 0 }
      break
    case 'study.paused':
      next = isOver(state.phase) ? state : { ...state, paused: true }
      break
    case 'study.unpaused':
      next = unpaused(state)
      break
    case 'study.cancelled':
      next = state.phase === 'finished' ? state : { ...state, phase: 'cancelled', current: null }
      break
    case 'study.halted':
      next = isOver(state.phase) ? state : { ...state, phase: 'halted', current: null }
      break
  }
  return next
}

function opened(state: RoundsState, event: RoundOpened): RoundsState {
  expect(state, event, ['waiting'])
  const { round, attempt, base, openedAtMs, deadlineMs } = event
  const current: Round = {
    round,
    attempt,
    base,
    openedAtMs,
    deadlineMs,
    deadlines: new Map(event.offers.map(({ site }) => [site, deadlineMs])),
    offers: new Map(event.offers.map(({ site, nonce }) => [site, nonce])),
    notDrawn: event.notDrawn ?? [],
    accepted: state.carried,
    excused: new Map(),
    called: false,
    end: null,
  }
  return { ...state, phase: 'collecting', current }
}

function moved(state: RoundsState, event: DeadlineMoved): RoundsState {
  const current = expectOpen(state, event)
  const deadlines = new Map(current.deadlines)
  for (const { site, deadlineMs } of event.deadlines) deadlines.set(site, deadlineMs)
  return { ...state, current: { ...current, deadlines, deadlineMs: Math.max(...deadlines.values()) } }
}

function accepted(state: RoundsState, event: UpdateAccepted): RoundsState {
  if (event.late !== undefined) return acceptedLate(state, event, { site: event.site, ...event.late })
  const current = expectOpen(state, event)
  if (!current.offers.has(event.site) || current.accepted.has(event.site)) return refuse(state, event)
  return { ...state, current: { ...current, accepted: withUpdate(current.accepted, event) } }
}

function acceptedLate(state: RoundsState, event: UpdateAccepted, answer: Answer): RoundsState {
  expect(state, event, ['waiting', 'collecting'])
  if (lateRound(state, answer) === null) return refuse(state, event)
  const { current } = state
  if (current === null) return { ...state, carried: withUpdate(state.carried, event) }
  return { ...state, current: { ...current, accepted: withUpdate(current.accepted, event) } }
}

function judged(state: RoundsState, event: JudgementAccepted): RoundsState {
  return { ...state, judging: withJudgement(state.judging, event) ?? refuse(state, event) }
}

function withUpdate(
  updates: Round['accepted'],
  { type: _type, study: _study, manifest: _manifest, ...delivered }: UpdateAccepted,
): ReadonlyMap<string, Delivered> {
  return new Map(updates).set(delivered.site, delivered)
}

/** A command may come at any time: what it was about may be over. */
function called(state: RoundsState, { round, attempt }: RoundCalled): RoundsState {
  const { current, phase } = state
  if (phase !== 'collecting' || current?.round !== round || current.attempt !== attempt) return state
  return { ...state, current: { ...current, called: true } }
}

function closed(state: RoundsState, event: RoundClosed): RoundsState {
  const { outcome, contributors, absent, closedAtMs } = event
  const end = { outcome, closedAtMs, contributors, absent, student: null, record: null, recordSha256: null }
  const current: Round = { ...expectOpen(state, event), end }
  const leftOut = leftOutAfter(state.leftOut, current)
  if (outcome === 'publish') {
    return { ...state, phase: 'closed', failures: 0, current, leftOut, judging: closeJudging(state.judging) }
  }
  const next: RoundsState = {
    ...state,
    leftOut,
    phase: 'waiting',
    attempt: state.attempt + 1,
    failures: state.failures + 1,
    carried: new Map([...current.accepted].filter(([site]) => contributors.includes(site))),
    current: null,
  }
  return remember(next, current)
}

function published(state: RoundsState, event: RoundPublished): RoundsState {
  expect(state, event, ['closed'])
  const { current } = state
  if (!current?.end) return refuse(state, event)
  const { student, record, recordSha256 } = event
  const last = isLastRound(state)
  const next: RoundsState = {
    ...state,
    phase: last ? 'finished' : 'waiting',
    round: last ? state.round : state.round + 1,
    attempt: 1,
    carried: new Map(),
    student,
    previous: recordSha256,
    records: [...state.records, recordSha256],
    judging: openJudging(state.judging, { round: state.round, student, final: last }),
    current: null,
  }
  return remember(next, { ...current, end: { ...current.end, student, record, recordSha256 } })
}

/** Puts an ended attempt into the history, and takes out what nothing looks back on any more. */
function remember(state: RoundsState, ended: Round): RoundsState {
  const { history, round, policy, withdrawn } = state
  const isKept = (past: { readonly round: number }): boolean => round - past.round <= keptRounds(policy)
  return {
    ...state,
    history: [...history, ended].filter(isKept),
    withdrawn: withdrawn.filter(isKept),
  }
}

function unpaused(state: RoundsState): RoundsState {
  if (state.phase === 'stopped') return { ...state, paused: false, phase: 'waiting', failures: 0 }
  return { ...state, paused: false }
}

function forget(before: RoundsState, revoked: string): RoundsState {
  const state = { ...before, judging: withoutSite(before.judging, revoked) }
  if (!state.leftOut.has(revoked)) return state
  return { ...state, leftOut: new Map([...state.leftOut].filter(([site]) => site !== revoked)) }
}

/** A site that takes part in the open round is no longer waited for, and does not count. */
function excuse(state: RoundsState, site: string, code: string): RoundsState {
  const { current, phase } = state
  if (phase === 'waiting' && state.carried.has(site)) {
    const { late } = state.carried.get(site) ?? {}
    const carried = new Map([...state.carried].filter(([other]) => other !== site))
    // What was in time stands in its round's history; of a late one nothing else says that its offer has had its answer.
    const withdrawn = late ? [...state.withdrawn, { site, ...late }] : state.withdrawn
    return { ...state, carried, withdrawn }
  }
  const asked = current?.offers.has(site) === true || current?.accepted.has(site) === true
  if (phase !== 'collecting' || current === null || !asked || current.excused.has(site)) return state
  return { ...state, current: { ...current, excused: new Map(current.excused).set(site, code) } }
}

/** Events that belong to a round, and can only follow what went before. */
type StudyEvent = Extract<RoundEvent, { study: string; round: number }>

function expect(state: RoundsState, event: StudyEvent, phases: readonly Phase[]): void {
  const sameAttempt = !('attempt' in event) || event.attempt === state.attempt
  if (!phases.includes(state.phase) || event.round !== state.round || !sameAttempt) refuse(state, event)
}

function expectOpen(state: RoundsState, event: StudyEvent): Round {
  expect(state, event, ['collecting'])
  return state.current ?? refuse(state, event)
}

function refuse(state: RoundsState, event: StudyEvent): never {
  const { study, phase, round, attempt } = state
  throw new TesseraError(
    'ERR_STORE_CORRUPT',
    `event must follow the state of study ${study} (${phase}, round ${round}, attempt ${attempt}), got ${event.type} of round ${event.round}`,
  )
}
