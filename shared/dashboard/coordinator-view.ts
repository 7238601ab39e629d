/**
 * @file What the coordinator's page is shown: a whole {@link CoordinatorView} once, then numbered {@link ViewChange}s of it. Types, and the one function that
 * makes the next view; no import, so that a browser runs the same.
 *
 * Times are milliseconds since the epoch by the coordinator's clock, which {@link CoordinatorRow.nowMs} lets a page compare with its own. Shares and
 * scores are from 0 to 1. Null: not known, or withheld by a site's policy.
 */

/** Where the live view is, below the dashboard's own address; and its events. */
export const LIVE_PATH = 'live'

export interface CoordinatorView {
  /** Of the newest change that is in it. */
  readonly number: number
  readonly coordinator: CoordinatorRow
  /** By id. */
  readonly studies: Readonly<Record<string, StudyRow>>
  /** By name: all that have a kit or a key. */
  readonly sites: Readonly<Record<string, SiteRow>>
  /** The study whose sites are in {@link CoordinatorView.members}; null: none is looked at. */
  readonly watched: string | null
  /** By name: each site that was ever offered a round of that study, or is connected to it. */
  readonly members: Readonly<Record<string, MemberRow>>
}

export interface CoordinatorRow {
  readonly version: string
  /** As the sites use it. */
  readonly url: string
  readonly fingerprint: string
  readonly startedAtMs: number
  /** When this row was made; it is made anew with every snapshot and every ten seconds. */
  readonly nowMs: number
  /** Sessions of sites. */
  readonly sessions: number
  /** Since the start: bytes of models that were sent, and of updates that count. */
  readonly bytesDown: number
  readonly bytesUp: number
}

/** As the sites are told it (docs/protocol.md, `welcome`). */
export type StudyPhase = 'waiting' | 'collecting' | 'closed' | 'finished' | 'stopped' | 'cancelled' | 'halted'

/**
 * Where a site is in the running round, in the order of a round. `idle`: it has no part in it; `offered`: it has the offer and has not begun;
 * `late`: it delivers to an earlier round's offer; `declined`: it says that it cannot, or was revoked; `missed`: the round ended without it.
 */
export type MemberState =
  | 'idle'
  | 'offered'
  | 'fetching'
  | 'training'
  | 'uploading'
  | 'accepted'
  | 'late'
  | 'declined'
  | 'missed'

export interface StudyRow {
  readonly study: string
  readonly phase: StudyPhase
  /** By the operator: no round opens; the open one may end. */
  readonly paused: boolean
  /** The open round, or the next; the last one when finished. */
  readonly round: number
  readonly rounds: number
  readonly attempt: number
  /** Attempts in a row without a quorum. */
  readonly failures: number
  readonly createdAtMs: number
  /** Name of the method, of the strategy, of the student's network. */
  readonly method: string
  readonly strategy: string
  readonly network: string
  readonly classes: readonly string[]
  readonly minSites: number
  readonly quorum: number
  /** Of the open attempt; `deadlineMs` moves while sites show progress. */
  readonly openedAtMs: number | null
  readonly deadlineMs: number | null
  /** Sites in each state of the running round. */
  readonly counts: Readonly<Record<MemberState, number>>
  /** Share of the round's training that is done, over all offered sites. */
  readonly progress: number | null
  /** Until the slowest site that tells it has trained. */
  readonly secondsLeft: number | null
  /** Mean loss of the newest published round, over samples. */
  readonly loss: number | null
  /** Null: the study judges no students, or no site has told counts. */
  readonly best: { readonly round: number; readonly metric: string; readonly score: number } | null
  /** Sites left out of the study's `alarmAfter` rounds running, or more. */
  readonly alarms: readonly { readonly site: string; readonly rounds: number }[]
  /** Published rounds: when it grows, `GET api/studies/ID/history` has more. */
  readonly published: number
  /** Judgements that have come: when it grows, `GET api/studies/ID/judging` has more. */
  readonly judgements: number
  /** SHA-256 of the newest student and of the newest record, the ledger's head; `''` before the first. */
  readonly student: string
  readonly head: string
  /** Bytes of the updates that count. */
  readonly bytesUp: number
  readonly verification: Verification | null
}

/** Of a study's ledger, since the coordinator started. `sentence`: the verifier's answer. */
export interface Verification {
  readonly state: 'running' | 'holds' | 'broken' | 'failed'
  /** Looked at so far. */
  readonly round: number
  readonly rounds: number
  readonly sentence: string
  readonly atMs: number
}

/** `invited`: a kit is out; `lapsed`: its kit was not used in time, or was taken back; `pending`: enrolled, to be approved. */
export type SiteStanding = 'invited' | 'lapsed' | 'pending' | 'enrolled' | 'revoked'

export interface SiteRow {
  readonly site: string
  readonly state: SiteStanding
  /** Of its key; null while it has none. */
  readonly fingerprint: string | null
  /** Number of keys that it has replaced. */
  readonly formerKeys: number
  /** Studies that it is connected to. */
  readonly online: readonly string[]
  readonly lastSeenAtMs: number | null
  /** As its agent says at its latest join. */
  readonly version: string | null
  readonly engine: string | null
  /** Trained, lately. */
  readonly imagesPerSecond: number | null
  /** Studies with an alarm for it, and for how many rounds running it was left out of them. */
  readonly alarms: readonly { readonly study: string; readonly rounds: number }[]
}

/** A site in the watched study. */
export interface MemberRow {
  readonly site: string
  readonly online: boolean
  readonly state: MemberState
  /** Why it declined or missed the round. */
  readonly code: string | null
  /** When it came to each state of this attempt; the round's timeline. */
  readonly sinceMs: Readonly<Partial<Record<MemberState, number>>>
  readonly step: number
  readonly steps: number
  readonly loss: number | null
  readonly secondsLeft: number | null
  readonly imagesPerSecond: number | null
  /** Of models in this attempt. */
  readonly bytesDown: number
  /** Of this attempt's update: what is there, and what it will be; 0 before it is announced. */
  readonly bytesUp: number
  readonly bytesTotal: number
  /** Its newest update that counts. `share`: of the weight of all, before the cap on a site's share. */
  readonly last: {
    readonly round: number
    readonly samples: number
    readonly share: number
    readonly norm: number
    readonly loss: number | null
  } | null
  /** Published rounds running that it has no part in. */
  readonly missed: number
}

/** Rows that were set, by their key, and keys that are gone. */
export interface RowChanges<Row> {
  readonly set?: Readonly<Record<string, Row>>
  readonly gone?: readonly string[]
}

/** What has changed. Numbers follow each other; after a gap the view has to be asked for anew. */
export interface ViewChange {
  readonly number: number
  readonly coordinator?: CoordinatorRow
  readonly studies?: RowChanges<StudyRow>
  readonly sites?: RowChanges<SiteRow>
  readonly members?: RowChanges<MemberRow>
}

/** The view after a change; the same one for a change that is in it already; null when changes between were missed: ask for the whole again. */
export function applyChange(view: CoordinatorView, change: ViewChange): CoordinatorView | null {
  if (change.number <= view.number) return view
  if (change.number !== view.number + 1) return null
  return {
    ...view,
    number: change.number,
    coordinator: change.coordinator ?? view.coordinator,
    studies: withRows(view.studies, change.studies),
    sites: withRows(view.sites, change.sites),
    members: withRows(view.members, change.members),
  }
}

function withRows<Row>(
  rows: Readonly<Record<string, Row>>,
  changes: RowChanges<Row> | undefined,
): Readonly<Record<string, Row>> {
  if (changes === undefined) return rows
  const next: Record<string, Row> = { ...rows, ...changes.set }
  for (const key of changes.gone ?? []) delete next[key]
  return next
}

/** What the page hears on the live view's socket. */
export interface LiveEvents {
  /** After the connection, after `watch`, and after `resync`. */
  snapshot: (view: CoordinatorView) => void
  change: (change: ViewChange) => void
}

/** What the page may say there. Both are answered by a snapshot. */
export interface LiveRequests {
  /** Looks at a study's sites, or at none. */
  watch: (study: string | null) => void
  resync: () => void
}
