/** @file The state of one study's rounds. Values are never changed in place: each event gives a new state. */
import type { Signed, Study } from '@tessera/shared/protocol'
import type { UpdateAccepted } from './events.ts'
import { initialJudging, type JudgingState, stopsEarly } from './judging.ts'

/** As the sites are told it. */
export type Phase = Signed<'welcome'>['phase']

/** What the study says of its rounds; each field in shared/protocol/study.ts. */
export type RoundPolicy = Pick<
  Study['federation'],
  | 'minSites'
  | 'quorum'
  | 'minSamples'
  | 'deadlineMs'
  | 'stretch'
  | 'graceMs'
  | 'cohort'
  | 'late'
  | 'alarmAfter'
  | 'guards'
>

/** What is kept of an accepted update. Not its manifest: a thousand characters that nothing decides on, and the log has. */
export type Delivered = Omit<UpdateAccepted, 'type' | 'study' | 'manifest'>

/** One attempt of one round, open or ended. Its times are those of {@link import('../running/round-time.ts').createRoundTime}. */
export interface Round {
  readonly round: number
  readonly attempt: number
  readonly base: string
  readonly openedAtMs: number
  /** The latest of {@link Round.deadlines}. */
  readonly deadlineMs: number
  /** By offered site: until when it is waited for. */
  readonly deadlines: ReadonlyMap<string, number>
  /** Nonce by site, in the order of site ids. */
  readonly offers: ReadonlyMap<string, string>
  /** Sites that were there and not drawn. */
  readonly notDrawn: readonly string[]
  /** Updates by site; those of the round's earlier attempts are in from the start. */
  readonly accepted: ReadonlyMap<string, Delivered>
  /** Code by site: it declined, or was revoked. */
  readonly excused: ReadonlyMap<string, string>
  /** The operator waits no longer. */
  readonly called: boolean
  readonly end: RoundEnd | null
}

export interface RoundEnd {
  readonly outcome: 'publish' | 'retry'
  readonly closedAtMs: number
  readonly contributors: readonly string[]
  readonly absent: readonly { readonly site: string; readonly code: string }[]
  /** After publication. */
  readonly student: string | null
  readonly record: string | null
  readonly recordSha256: string | null
}

export interface RoundsState {
  readonly study: string
  /** The study's, from which cohorts are drawn. */
  readonly seed: string
  readonly rounds: number
  readonly policy: RoundPolicy
  readonly phase: Phase
  /** By the operator: no round opens; the open one may end. */
  readonly paused: boolean
  /** Number of the open round; while waiting, of the next one; when finished, of the last one. */
  readonly round: number
  readonly attempt: number
  /** Attempts in a row without a quorum. */
  readonly failures: number
  /** SHA-256 of the newest student: the base of the next round. */
  readonly student: string
  /** SHA-256 of the newest published record, `''` before the first: the next record's `previous`. */
  readonly previous: string
  /** Updates that have their receipts and count in the next attempt: those that an attempt without a quorum has left, and late ones. */
  readonly carried: ReadonlyMap<string, Delivered>
  /** Offers that a late update has answered whose site was revoked before it counted: it does not count, and cannot come again. */
  readonly withdrawn: readonly { readonly site: string; readonly round: number; readonly attempt: number }[]
  /** The attempt that is open or being published. */
  readonly current: Round | null
  /** Ended attempts of the latest rounds, oldest first: as many as decisions look back on ({@link keptRounds}), whatever the study's length. The rest is in the log. */
  readonly history: readonly Round[]
  /** SHA-256 of each published record, round by round. */
  readonly records: readonly string[]
  /** By site that a round was ever offered: published rounds running that it has no part in. */
  readonly leftOut: ReadonlyMap<string, number>
  /** Null: the study has none. */
  readonly judging: JudgingState | null
}

/**
 * Least number of rounds that are looked back on. A site that has missed more begins its error feedback anew, so that what it still had to say of
 * them is of no use to it either.
 */
const LOOK_BACK_ROUNDS = 3

/** How many rounds are looked back on: by the norm guard, by late updates, and to tell a site what became of an update that it offers again. */
export function keptRounds({ late, guards: { adaptiveNorm } }: RoundPolicy): number {
  return Math.max(
    LOOK_BACK_ROUNDS,
    late === 'refuse' ? 0 : late.maxStaleness,
    adaptiveNorm === 'off' ? 0 : adaptiveNorm.rounds,
  )
}

/** A round that ten times ran to its end without a quorum has a fault that waiting does not mend; the operator must look. */
export const MAX_ATTEMPTS = 10

/** Builds the state of a study in which nothing has happened. `student`: SHA-256 of the initial student. */
export function initialRounds(study: Study, student: string): RoundsState {
  return {
    study: study.id,
    seed: study.seed,
    rounds: study.training.rounds,
    policy: study.federation,
    phase: 'waiting',
    paused: false,
    round: 1,
    attempt: 1,
    failures: 0,
    student,
    previous: '',
    carried: new Map(),
    withdrawn: [],
    current: null,
    history: [],
    records: [],
    leftOut: new Map(),
    judging: initialJudging(study),
  }
}

/** Sites whose updates count if the round ends now, in the order of site ids. */
export function contributors(round: Round): string[] {
  return [...round.accepted.keys()].filter((site) => !round.excused.has(site)).toSorted()
}

/** True for a study in which nothing happens any more. */
export function isOver(phase: Phase): boolean {
  return phase === 'finished' || phase === 'cancelled' || phase === 'halted'
}

/** True when the round that is being published is the study's last: by its number, or because its students get no better. */
export function isLastRound({ round, rounds, judging }: RoundsState): boolean {
  return round === rounds || stopsEarly(judging)
}

/** True when this log has published that very record. */
export function hasPublished({ records }: RoundsState, round: number, recordSha256: string): boolean {
  return records[round - 1] === recordSha256
}

/** The newest published record's text; null before the first. */
export function lastRecord({ history }: RoundsState): string | null {
  return history.findLast(({ end }) => end?.record)?.end?.record ?? null
}
