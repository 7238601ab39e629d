/** @file A round machine with its log: what a running study does, without files and sockets. */
import {
  type Command,
  decide,
  evolve,
  initialRounds,
  type JudgementAccepted,
  participation,
  type Round,
  type RoundEvent,
  type RoundsState,
  replayHistory,
  type Signs,
} from '@tessera/coordinator/rounds'
import { type JudgedCounts, type Study, study as studySchema } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { HASH } from '../../support/signed-parts.ts'
import { TINY_STUDY } from '../raw-site.ts'

export const SITES = ['a', 'b', 'c', 'd']
export const DEADLINE_MS = 100

export function tinyStudy(federation: object = {}, more: object = {}): Study {
  const settings = { minSites: 2, quorum: 1, deadlineMs: DEADLINE_MS, stretch: 3, ...federation }
  return studySchema.parse({ ...TINY_STUDY, training: { rounds: 3 }, federation: settings, ...more })
}

/** A machine with its log: what the running coordinator does, without files. */
export function machine(study: Study = tinyStudy()) {
  const log: RoundEvent[] = []
  let state = initialRounds(study, HASH('0'))
  let nonces = 0
  const give = (command: Command): RoundEvent[] => {
    const events = decide(state, command)
    for (const event of events) {
      state = evolve(state, event)
      log.push(event)
    }
    return events
  }
  /** Every attempt that has ended, from the first; or that had after the first `events` of the log. */
  const ended = (events = log.length): Round[] =>
    replayHistory(initialRounds(study, HASH('0')), log.slice(0, events)).ended
  return {
    log,
    state: () => state,
    ended,
    report: () => participation(ended(), state),
    give,
    tick(nowMs: number, present: readonly string[], signs: Signs = new Map()): string[] {
      const nonce = (): string => `nonce-${String(nonces++).padStart(16, '0')}`
      return give({ type: 'tick', nowMs, present, signs, nonce }).map(({ type }) => type)
    },
    accept(
      site: string,
      changes: { round?: number; attempt?: number; samples?: number; receivedAtMs?: number } = {},
    ): void {
      const { round, attempt } = state
      give({ type: 'accept', update: { ...anUpdate(site), round, attempt, ...changes } })
    },
    /** An operator's word, as it comes from the inbox. */
    say(type: 'study.paused' | 'study.unpaused' | 'study.cancelled'): void {
      const event = { type, study: study.id, atMs: 0 } as const
      state = evolve(state, event)
      log.push(event)
    },
    /** The operator calls the open attempt, or another. */
    call(round = state.round, attempt = state.attempt): void {
      const event = { type: 'round.called', study: study.id, round, attempt, atMs: 0 } as const
      state = evolve(state, event)
      log.push(event)
    },
    /** The process ends and starts again: nothing is left but the log. */
    restart(): RoundsState {
      state = log.reduce(evolve, initialRounds(study, HASH('0')))
      return state
    },
    decline: (site: string, round = state.round) =>
      give({ type: 'decline', site, round, code: 'ERR_DATA_FOLDER', nowMs: 0 }),
    publish: (student = HASH('1')) =>
      give({ type: 'publish', student, record: 'record', recordSha256: HASH('2') }),
    /** The site's word on the newest student, whose round is the one before. */
    judge(site: string, counts: JudgedCounts | null, changes: Partial<JudgementAccepted> = {}) {
      const { student, records } = state
      const said = { site, round: records.length, student, counts, judgement: 'token', receivedAtMs: 1 }
      const withheld = counts === null ? ('policy' as const) : null
      return give({
        type: 'judge',
        judgement: {
          ...said,
          withheld,
          judgementSha256: sha256Hex(JSON.stringify([site, counts])),
          ...changes,
        },
      })
    },
    halt: (site: string, record: number) => give({ type: 'halt', site, record, nowMs: 0 }),
    revoke(site: string): void {
      const event = { type: 'site.revoked', site, atMs: 0 } as const
      state = evolve(state, event)
      log.push(event)
    },
  }
}

function anUpdate(site: string) {
  return {
    site,
    round: 1,
    attempt: 1,
    samples: 1,
    loss: 1,
    payload: HASH('3'),
    bytes: 4,
    norm: 1,
    manifest: 'token',
    manifestSha256: HASH('4'),
    receivedAtMs: 1,
  }
}
