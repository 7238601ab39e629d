/**
 * @file (state, command) → events: when a round opens, when it closes, and what an update does to it.
 *
 * A round opens when `minSites` joined sites are there; those present are offered it. A site that joins later takes part from the next
 * round: a deadline is a promise to the sites that were offered it, and one more straggler must not move it. A round ends when every
 * offered site has answered (delivered, declined, revoked) or at its deadline. A lost connection is no answer: the site may come back
 * and go on uploading until the deadline, and is not waited for beyond it. Fewer updates than the quorum: the round is opened again with
 * new nonces, and the updates that are there count in that next attempt, whose base is the same.
 */
import { TesseraError } from '@tessera/shared/errors'
import type { RoundClosed, RoundEvent, UpdateAccepted } from './events.ts'
import { contributors, MAX_ATTEMPTS, type Round, type RoundsState } from './state.ts'

export type Command =
  /** Time has passed, or a site came or went. `nonce` gives a fresh secret text per offer. */
  | {
      readonly type: 'tick'
      readonly nowMs: number
      readonly present: readonly string[]
      readonly nonce: () => string
    }
  /** An update whose file is safe has passed the border. */
  | { readonly type: 'accept'; readonly update: Omit<UpdateAccepted, 'type' | 'study'> }
  | {
      readonly type: 'decline'
      readonly site: string
      readonly round: number
      readonly code: string
      readonly nowMs: number
    }
  /** The closed round's student and record are safe. */
  | {
      readonly type: 'publish'
      readonly student: string
      readonly record: string
      readonly recordSha256: string
    }
  /** The operator has started the coordinator. */
  | { readonly type: 'resume'; readonly nowMs: number }

/**
 * Gives the events that follow from a command: none, one or two. Tick again after each event until none follows.
 * @throws {TesseraError} ERR_ROUND_CLOSED, ERR_ROUND_NOT_OFFERED or ERR_UPDATE_DUPLICATE when an answer comes too late, uninvited or twice.
 */
export function decide(state: RoundsState, command: Command): RoundEvent[] {
  const { study, round, attempt } = state
  let events: RoundEvent[] = []
  switch (command.type) {
    case 'tick':
      events = state.phase === 'collecting' ? close(state, command.nowMs) : open(state, command)
      break
    case 'accept':
      openTo(state, command.update)
      events = [{ type: 'update.accepted', study, ...command.update }]
      break
    case 'decline': {
      const { site, code, nowMs } = command
      openTo(state, command)
      events = [{ type: 'round.declined', study, round, attempt, site, code, atMs: nowMs }]
      break
    }
    case 'publish': {
      const { student, record, recordSha256 } = command
      events = [{ type: 'round.published', study, round, attempt, student, record, recordSha256 }]
      break
    }
    case 'resume':
      if (state.phase === 'stopped') events = [{ type: 'study.resumed', study, round, atMs: command.nowMs }]
      break
  }
  return events
}

/** Gives the open round if `site` may still answer it. */
export function openTo(
  state: RoundsState,
  { site, round, attempt }: { site: string; round: number; attempt?: number },
): Round {
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

function open(state: RoundsState, command: Extract<Command, { type: 'tick' }>): RoundEvent[] {
  const asked = command.present.filter((site) => !state.carried.has(site)).toSorted()
  const enough = asked.length > 0 && asked.length + state.carried.size >= state.minSites
  if (state.phase !== 'waiting' || !enough) return []
  return [
    {
      type: 'round.opened',
      study: state.study,
      round: state.round,
      attempt: state.attempt,
      base: state.student,
      offers: asked.map((site) => ({ site, nonce: command.nonce() })),
      openedAtMs: command.nowMs,
      deadlineMs: command.nowMs + state.deadlineMs,
    },
  ]
}

function close(state: RoundsState, nowMs: number): RoundEvent[] {
  const { current } = state
  if (current === null) return []
  const offered = [...current.offers.keys()]
  const answered = offered.every((site) => current.accepted.has(site) || current.excused.has(site))
  if (!answered && nowMs < current.deadlineMs) return []
  const counted = contributors(current)
  const outcome = counted.length >= state.quorum ? 'publish' : 'retry'
  const closed: RoundClosed = {
    type: 'round.closed',
    study: state.study,
    round: current.round,
    attempt: current.attempt,
    outcome,
    contributors: counted,
    absent: [...new Set([...offered, ...current.excused.keys()])]
      .filter((site) => !counted.includes(site))
      .map((site) => ({ site, code: current.excused.get(site) ?? 'ERR_TIMED_OUT' })),
    closedAtMs: nowMs,
  }
  if (outcome === 'publish' || state.failures + 1 < MAX_ATTEMPTS) return [closed]
  return [closed, { type: 'study.stopped', study: state.study, round: state.round, atMs: nowMs }]
}
