/** @file What the gate knows while it judges: the study that it is open for, the site's tiles, the one delta that may leave. */
import type { Layout } from '@tessera/shared/model'
import type { Encoding, Manifest, SiteMessage } from '@tessera/shared/protocol'
import type { Guard } from '../policy/index.ts'
import { refused } from './gate-form.ts'

/** What may leave for one study. */
export interface GateStudy {
  readonly site: string
  readonly study: string
  readonly layout: Layout
  /** What its deltas are written in. Default: f32. */
  readonly encoding?: Encoding
  /** Public key of its coordinator. */
  readonly coordinatorKey: string
  /** SHA-256 of its teacher; null: it has none. */
  readonly teacher: string | null
  /** Tiles of a step, whose mean loss is told as progress. */
  readonly batchSize: number
}

/** A delta as it may leave. */
export interface EncodedDelta {
  readonly bytes: Uint8Array
  /** SHA-256 of `chunks`: it names them. */
  readonly payload: string
  /** SHA-256 of each of their chunks, one after the other. */
  readonly chunks: Uint8Array
}

/** Filled as the gate is told. */
export interface GateState {
  admitted: GateStudy | null
  classCounts: readonly number[] | null
  delta: EncodedDelta | null
  /** The announced delta: chunks belong to it. */
  announced: Manifest | null
  /** The site's policy. @throws {TesseraError} ERR_POLICY_UNSIGNED if there is none. */
  readonly rules: () => Guard
}

/** The study that a message must belong to. @throws {TesseraError} ERR_GATE_MESSAGE */
export function inStudy({ admitted }: GateState, kind: SiteMessage | 'round', study?: string): GateStudy {
  if (admitted === null || (study !== undefined && study !== admitted.study)) {
    throw refused(`${kind} must belong to the joined study`, 'another study')
  }
  return admitted
}

/** True when the policy lets the loss of a step be told. */
export function mayTellLoss(state: GateState): boolean {
  return state.rules().mayTellMeans(inStudy(state, 'round:progress').batchSize, state.classCounts)
}
