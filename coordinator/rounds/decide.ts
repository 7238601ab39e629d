/**
 * @file (state, command) → events: when a round opens, when it closes, and what an update does to it.
 *
 * A round opens when `minSites` joined sites are there; those present are offered it, or a cohort of them. A site that joins later takes part
 * from the next round. A round ends when every offered site has answered (delivered, declined, revoked), when a cohort is complete, or when
 * nobody is worth waiting for (deadline.ts), or when the operator calls it. A lost connection is no answer: the site may come back and go on until its deadline. Fewer
 * updates than the quorum, or fewer samples than `minSamples`: the round is opened again with new nonces, and the updates that are there
 * count in that next attempt, whose base is the same.
 */
import { TesseraError } from '@tessera/shared/errors'
import { drawCohort } from './cohort.ts'
import {
  absenceCode,
  closesAtMs,
  counted,
  graceEndsAtMs,
  isEnough,
  movedDeadlines,
  pending,
  type Signs,
} from './deadline.ts'
import type { JudgementAccepted, RoundClosed, RoundEvent, UpdateAccepted } from './events.ts'
import { isRepeated } from './judging.ts'
import { type Answer, lateRound } from './late.ts'
import { contributors, isOver, MAX_ATTEMPTS, type Round, type RoundsState } from './state.ts'

export type Command =
  /** Time has passed, or a site came or went. `nonce` gives a fresh secret text per offer. */
  | {
      readonly type: 'tick'
      readonly nowMs: number
      readonly present: readonly string[]
      readonly signs: Signs
      readonly nonce: () => string
    }
  /** An update whose file is safe has passed the border. `round` and `attempt` are those of the offer it answers. */
  | { readonly type: 'accept'; readonly update: Omit<UpdateAccepted, 'type' | 'study' | 'late'> }
  | {
      readonly type: 'decline'
      readonly site: string
      readonly round: number
      readonly code: string
      readonly nowMs: number
    }
  /** What a site says of a published student has passed the border. Said again, it changes nothing. */
  | { readonly type: 'judge'; readonly judgement: Omit<JudgementAccepted, 'type' | 'study'> }
  /** The closed round's student and record are safe. */
  | {
      readonly type: 'publish'
      readonly student: string
      readonly record: string
      readonly recordSha256: string
    }
  /** The operator has started the coordinator. */
  | { readonly type: 'resume'; readonly nowMs: number }
  /** A site has proven that round `record` was published, and this log does not have it so. */
  | { readonly type: 'halt'; readonly site: string; readonly record: number; readonly nowMs: number }

/**
 * Gives the events that follow from a command: none, one or two. Tick again after each event until none follows.
 * @throws {TesseraError} ERR_ROUND_CLOSED, ERR_ROUND_WRONG, ERR_ROUND_NOT_OFFERED or ERR_UPDATE_DUPLICATE when an answer comes too late, too
 * early, uninvited or twice; ERR_JUDGEMENT_CLOSED or ERR_JUDGEMENT_DUPLICATE when a judgement does.
 */
export function decide(state: RoundsState, command: Command): RoundEvent[] {
  const { study, round, attempt } = state
  let events: RoundEvent[] = []
  switch (command.type) {
    case 'tick':
      events = state.phase === 'collecting' ? close(state, command) : open(state, command)
      break
    case 'accept':
      events = [accept(state, command.update)]
      break
    case 'decline': {
      const { site, code, nowMs } = command
      openTo(state, command)
      events = [{ type: 'round.declined', study, round, attempt, site, code, atMs: nowMs }]
      break
    }
    case 'judge':
      if (!isRepeated(judgedNow(state), command.judgement))
        events = [{ type: 'judgement.accepted', study, ...command.judgement }]
      break
    case 'publish': {
      const { student, record, recordSha256 } = command
      // While it was computed, the study may have been cancelled.
      if (state.phase === 'closed')
        events = [{ type: 'round.published', study, round, attempt, student, record, recordSha256 }]
      break
    }
    case 'resume':
      if (state.phase === 'stopped') events = [{ type: 'study.resumed', study, round, atMs: command.nowMs }]
      break
    case 'halt': {
      const { site, record, nowMs } = command
      if (!isOver(state.phase)) events = [{ type: 'study.halted', study, site, record, atMs: nowMs }]
      break
    }
  }
  return events
}

/** Gives the open round if `site` may still answer it. */
export function openTo(state: RoundsState, answer: Omit<Answer, 'attempt'> & { attempt?: number }): Round {
  const { site, round, attempt } = answer
  const { current } = state
  if (current === null || state.phase !== 'collecting') {
    throw new TesseraError('ERR_ROUND_CLOSED', `round ${round} must be open, got phase ${state.phase}`)
  }
  if (current.round !== round || (attempt !== undefined && attempt !== current.attempt)) {
    const past = round < current.round || (round === current.round && (attempt ?? 0) < current.attempt)
    throw new TesseraError(
      past ? 'ERR_ROUND_CLOSED' : 'ERR_ROUND_WRONG',
      `round must be ${current.round} (attempt ${current.attempt}), got ${round} (attempt ${attempt ?? 1})`,
    )
  }
  if (current.accepted.has(site)) {
    throw new TesseraError(
      'ERR_UPDATE_DUPLICATE',
      `site must deliver round ${round} once, got another update of ${site}`,
    )
  }
  if (!current.offers.has(site)) {
    throw new TesseraError(
      'ERR_ROUND_NOT_OFFERED',
      `site must have been offered round ${round}, got ${site}: it takes part from the next round`,
    )
  }
  if (current.excused.has(site)) {
    throw new TesseraError('ERR_ROUND_CLOSED', `site must not have declined round ${round}, got ${site}`)
  }
  return current
}

/** Nothing is judged any more of a study that was cancelled or halted. */
function judgedNow({ phase, judging }: RoundsState): RoundsState['judging'] {
  return phase === 'cancelled' || phase === 'halted' ? null : judging
}

function accept(state: RoundsState, update: Omit<UpdateAccepted, 'type' | 'study' | 'late'>): UpdateAccepted {
  const { study, round, attempt } = state
  const event = { type: 'update.accepted', study, ...update } as const
  if (lateRound(state, update) !== null) {
    return { ...event, round, attempt, late: { round: update.round, attempt: update.attempt } }
  }
  openTo(state, update)
  return event
}

type Tick = Extract<Command, { type: 'tick' }>

function open(state: RoundsState, command: Tick): RoundEvent[] {
  const { carried, policy, phase, paused } = state
  const there = command.present.filter((site) => !carried.has(site))
  // Nobody need be asked when late updates alone are enough.
  const useful = there.length > 0 || isEnough(policy, [...carried.values()])
  const enough = useful && there.length + carried.size >= policy.minSites
  if (phase !== 'waiting' || paused || !enough) return []
  const { asked, notDrawn } = drawCohort(state, there)
  return [
    {
      type: 'round.opened',
      study: state.study,
      round: state.round,
      attempt: state.attempt,
      base: state.student,
      offers: asked.map((site) => ({ site, nonce: command.nonce() })),
      ...(notDrawn.length === 0 ? {} : { notDrawn }),
      openedAtMs: command.nowMs,
      deadlineMs: command.nowMs + policy.deadlineMs,
    },
  ]
}

function close(state: RoundsState, { nowMs, signs }: Tick): RoundEvent[] {
  const { current, policy, study } = state
  if (current === null) return []
  const { round, attempt } = current
  const updates = counted(current)
  const answered = pending(current).length === 0
  const complete = updates.length >= (policy.cohort?.size ?? Number.POSITIVE_INFINITY)
  if (!answered && !current.called && !(complete && isEnough(policy, updates))) {
    if (nowMs < closesAtMs(policy, current)) return []
    const deadlines = movedDeadlines(policy, current, signs).filter(({ deadlineMs }) => deadlineMs > nowMs)
    if (deadlines.length > 0 && nowMs < graceEndsAtMs(policy, current)) {
      return [{ type: 'deadline.moved', study, round, attempt, deadlines, atMs: nowMs }]
    }
  }
  const there = contributors(current)
  const outcome = isEnough(policy, updates) ? 'publish' : 'retry'
  const absent = [...new Set([...current.offers.keys(), ...current.excused.keys()])].filter(
    (site) => !there.includes(site),
  )
  const closed: RoundClosed = {
    type: 'round.closed',
    study,
    round,
    attempt,
    outcome,
    contributors: there,
    absent: absent.map((site) => ({
      site,
      code: current.excused.get(site) ?? absenceCode(site, policy, current, { nowMs, signs }),
    })),
    closedAtMs: nowMs,
  }
  if (outcome === 'publish' || state.failures + 1 < MAX_ATTEMPTS) return [closed]
  return [closed, { type: 'study.stopped', study, round: state.round, atMs: nowMs }]
}
