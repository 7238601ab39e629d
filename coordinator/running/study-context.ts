/** @file What a running study gets from the coordinator around it, and what it gives. */
import type { Clock } from '@tessera/shared/clock'
import type { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import type { Signed, Study } from '@tessera/shared/protocol'
import type { KeyPair } from '@tessera/shared/security'
import type { Registry } from '../enrolment/index.ts'
import type { Observer } from '../operation/observer.ts'
import type { RoundEvent, RoundsState } from '../rounds/index.ts'
import type { Store } from '../store/index.ts'
import type { SiteActivity } from './activity.ts'
import type { StudyProgress, TrainingProgress } from './progress.ts'
import type { Queue } from './queue.ts'
import type { Room } from './room.ts'
import type { Opened } from './uploads.ts'

/** A connected site, as a study sees it. */
export interface Peer {
  readonly site: string
  /** What the agent calls itself: two of them are two agents with one identity. */
  readonly instance: string
  /** The challenge of its connection, which a welcome answers. */
  readonly nonce: string
  /** False once its connection is gone. */
  connected(): boolean
  offer(token: string): void
  /** Fulfilled when the site has heard it, or never will over this connection. */
  published(record: string): Promise<void>
  /** A new welcome. Fulfilled as `published` is. */
  snapshot(welcome: string): Promise<void>
  /** Says why and disconnects. */
  refuse(error: TesseraError): void
}

/** What a site says of itself when it joins. */
export type Claim = Pick<Signed<'joinToken'>, 'ledger' | 'work' | 'agentVersion' | 'engine'>

export type OperatorWord = Extract<
  RoundEvent,
  { type: 'study.paused' | 'study.unpaused' | 'study.cancelled' | 'round.called' }
>

/** What a study needs of the coordinator around it. */
export interface StudyContext {
  readonly store: Store
  readonly key: KeyPair
  /** The key that must have signed a round's record: an earlier one of the coordinator's, before a rotation. */
  readonly keyOf: (study: string, round: number) => string
  readonly clock: Clock
  readonly log: Log
  registry(): Registry
  /** Deltas are checked one at a time over all studies: memory holds one, however many sites commit at once. */
  readonly checking: Queue
  /** Decisions of all studies are taken and logged one after the other: the order of the log is the order they were taken in. */
  readonly deciding: Queue
  /** For the chunks of all studies' deltas that are coming in. */
  readonly room: Room
  /** Told of each of its events that is in the log and has had its effect, and waited for before the next decision. */
  recorded(event: RoundEvent): Promise<void>
  /** Told where the study stands after a change: of many in a row the first at once, then the last. Absent: nobody watches. */
  readonly onProgress?: ((progress: StudyProgress) => void) | undefined
  /** Told of work that took its time. */
  readonly observer: Observer
  /** Told that something has changed, as often as `onProgress`: for who puts together himself what he shows. */
  readonly onChange?: (() => void) | undefined
  /** The study has ended: finished or cancelled (null), stopped without a quorum, halted, or broken. */
  onEnd(error: TesseraError | null): void
}

export interface StudyRun {
  readonly study: Study
  state(): RoundsState
  /** Goes on where the log ends. */
  start(): void
  /** JWS of the study's plan. */
  readonly plan: string
  /**
   * Takes a site in, and gives the welcome that says where the study stands. A newer connection of the same agent replaces the one before. Not
   * taken in is a site that says it has seen what this log does not know: `proves` is true, and {@link StudyRun.showRecord} is next.
   * @throws {TesseraError} ERR_SITE_BUSY while another agent of the site is connected.
   */
  join(peer: Peer, claim: Claim): Promise<{ welcome: string; proves: boolean }>
  /**
   * A record that a site was asked for. One that this coordinator has signed and does not know halts the study.
   * @throws {TesseraError} Always: ERR_LEDGER_BEHIND then, ERR_SIGNATURE_INVALID or ERR_STUDY_UNKNOWN if it is no such record.
   */
  showRecord(site: string, record: string): Promise<never>
  leave(peer: Peer): void
  /** The record of a published round. @throws {TesseraError} ERR_ROUND_WRONG; what reading the store throws. */
  record(round: number): Promise<string>
  /** Ends what a site does with a key that is not its own any more. */
  replaceKey(site: string): void
  /** Takes in a revocation that has just been logged. Called from within {@link StudyContext.deciding}. */
  revoke(event: Extract<RoundEvent, { type: 'site.revoked' }>): void
  /** Carries out an operator's word that has just been logged. Called from within {@link StudyContext.deciding}. */
  obey(event: OperatorWord): void
  mayFetch(sha256: string): boolean
  /** A site has been sent so much of a model. */
  fetched(site: string, bytes: number): void
  progress(site: string, round: number, progress: TrainingProgress): void
  decline(site: string, round: number, code: string): Promise<void>
  /** Takes in how a published student does at the site: it is in the log when this returns. */
  judge(site: string, judgement: string): Promise<void>
  /** @param digests The list of chunks that the manifest pins. */
  openUpload(site: string, token: string, digests: Uint8Array): Promise<Opened>
  /** Gives the window. */
  uploadChunk(site: string, id: string, index: number, chunk: Uint8Array): Promise<number>
  /** Gives the receipt: the update is safe. */
  commitUpload(site: string, id: string): Promise<string>
  snapshot(): StudyProgress
  /** Sites that are there now. */
  connected(): readonly string[]
  /** Null: it has not joined since the start. */
  activity(site: string): SiteActivity | null
  /** Bytes of models that were fetched since the start. */
  bytesDown(): number
  /** By site, of the updates that are coming in: bytes that are there, and all of them. */
  announced(): ReadonlyMap<string, { readonly bytes: number; readonly totalBytes: number }>
  stop(): Promise<void>
}
