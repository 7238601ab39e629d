/** @file The state of one study's rounds. Values are never changed in place: each event gives a new state. */
import type { Study } from '@tessera/shared/protocol'
import type { UpdateAccepted } from './events.ts'

/**
 * `waiting`: for sites; `collecting`: a round is open; `closed`: it has ended and its student is being made;
 * `finished`: the last round is published; `stopped`: a round had {@link MAX_ATTEMPTS} attempts without a quorum.
 */
export type Phase = 'waiting' | 'collecting' | 'closed' | 'finished' | 'stopped'

/** One attempt of one round, open or ended. */
export interface Round {
  readonly round: number
  readonly attempt: number
  readonly base: string
  readonly openedAtMs: number
  readonly deadlineMs: number
  /** Nonce by site, in the order of site ids. */
  readonly offers: ReadonlyMap<string, string>
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
}

export interface RoundsState {
  readonly study: string
  readonly rounds: number
  readonly minSites: number
  readonly quorum: number
  readonly deadlineMs: number
  readonly phase: Phase
  /** Number of the open round; while waiting, of the next one; when finished, of the last one. */
  readonly round: number
  readonly attempt: number
  /** Attempts in a row without a quorum. */
  readonly failures: number
  /** SHA-256 of the newest student: the base of the next round. */
  readonly student: string
  /** SHA-256 of the newest published record, `''` before the first: the next record's `previous`. */
  readonly previous: string
  /** Updates that an attempt without a quorum has left: they have their receipts and the base is the same, so they count in the next one. */
  readonly carried: ReadonlyMap<string, UpdateAccepted>
  /** The attempt that is open or being published. */
  readonly current: Round | null
  /** Ended attempts, oldest first. */
  readonly history: readonly Round[]
}

/** A round that ten times ran to its end without a quorum has a fault that waiting does not mend; the operator must look. */
export const MAX_ATTEMPTS = 10

/** Builds the state of a study in which nothing has happened. `student`: SHA-256 of the initial student. */
export function initialRounds(study: Study, student: string): RoundsState {
  return {
    study: study.id,
    rounds: study.training.rounds,
    minSites: study.federation.minSites,
    quorum: study.federation.quorum,
    deadlineMs: study.federation.deadlineMs,
    phase: 'waiting',
    round: 1,
    attempt: 1,
    failures: 0,
    student,
    previous: '',
    carried: new Map(),
    current: null,
    history: [],
  }
}

/** Sites whose updates count if the round ends now, in the order of site ids. */
export function contributors(round: Round): string[] {
  return [...round.accepted.keys()].filter((site) => !round.excused.has(site)).toSorted()
}
