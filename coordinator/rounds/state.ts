/** @file The state of one study's rounds. Values are never changed in place: each event gives a new state. */
import type { Signed, Study } from '@tessera/shared/protocol'
import type { UpdateAccepted } from './events.ts'

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
>

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
  readonly accepted: ReadonlyMap<string, UpdateAccepted>
  /** Code by site: it declined, or was revoked. */
  readonly excused: ReadonlyMap<string, string>
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
  readonly carried: ReadonlyMap<string, UpdateAccepted>
  /** Offers that a late update has answered whose site was revoked before it counted: it does not count, and cannot come again. */
  readonly withdrawn: readonly { readonly site: string; readonly round: number; readonly attempt: number }[]
  /** The attempt that is open or being published. */
  readonly current: Round | null
  /** Ended attempts, oldest first. */
  readonly history: readonly Round[]
  /** By site that a round was ever offered: published rounds running that it has no part in. */
  readonly leftOut: ReadonlyMap<string, number>
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
    leftOut: new Map(),
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

/** True when this log has published that very record. */
export function hasPublished({ history }: RoundsState, round: number, recordSha256: string): boolean {
  return history.some((ended) => ended.round === round && ended.end?.recordSha256 === recordSha256)
}

/** The newest published record's text; null before the first. */
export function lastRecord({ history }: RoundsState): string | null {
  return history.findLast(({ end }) => end?.record)?.end?.record ?? null
}
