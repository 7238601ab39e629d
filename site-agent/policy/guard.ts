/** @file The policy's answers to the gate: may this study, this round, this frame go? Every no is a code and a sentence. */
import { type ErrorCode, TesseraError } from '@tessera/shared/errors'
import type { ConfusionMatrix } from '@tessera/shared/metrics'
import type { Layout } from '@tessera/shared/model'
import type { SiteMetrics } from '@tessera/shared/protocol'
import { fingerprint } from '@tessera/shared/security'
import { leftStudy } from './flags.ts'
import { isOpen, localDay } from './hours.ts'
import type { Policy } from './policy.ts'
import { mayTellMeans, reportable, type ToldCounts, tellable } from './report.ts'
import type { Totals } from './totals.ts'

/** What the rules ask of a study. */
export interface GuardedStudy {
  readonly study: string
  readonly layout: Layout
  /** Public key that signs for it. */
  readonly coordinatorKey: string
  /** SHA-256 of its teacher; null: it has none. */
  readonly teacher: string | null
}

/** A frame that is about to leave. */
export interface GuardedFrame {
  readonly kind: string
  readonly bytes: number
  readonly study?: string | undefined
  readonly round?: number | undefined
}

export interface GuardOptions {
  readonly policy: Policy
  readonly hash: string
  readonly totals: Totals
  readonly now: () => number
  readonly isPaused: () => boolean
  readonly isApproved: (study: string, round: number) => boolean
  readonly hasLeft?: (study: string) => boolean
  /** Nothing but joining and fetching models may leave. */
  readonly dryRun?: boolean
}

export interface Guard {
  /** SHA-256 of policy.yaml. */
  readonly hash: string
  /** Norm that a delta is clipped to; null: none. */
  readonly normClip: number | null
  /** True when judgements may tell counts. */
  readonly tellsCounts: boolean
  /** @throws {TesseraError} ERR_POLICY_STUDY */
  assertStudy(study: GuardedStudy): void
  /** @throws {TesseraError} ERR_POLICY_SAMPLES if so few tiles may not take part. */
  assertSamples(samples: number): void
  /**
   * Asks before the work what would be refused after it.
   * @param bytes Of the round's delta.
   * @throws {TesseraError} ERR_POLICY_LEFT, ERR_POLICY_PAUSED, ERR_POLICY_HOURS, ERR_POLICY_LIMIT; to `send`, ERR_POLICY_APPROVAL.
   */
  assertRound(step: RoundStep, study: string, round: number, bytes: number): void
  /** @throws {TesseraError} As {@link Guard.assertRound}. */
  assertFrame(frame: GuardedFrame): void
  /** The metrics with null for what is withheld. */
  reportable(samples: number, metrics: SiteMetrics, classCounts: readonly number[] | null): SiteMetrics
  /** A judgement's counts, or why they stay. */
  tellable(counts: ConfusionMatrix): ToldCounts
  /** True when a mean over so many tiles may leave. */
  mayTellMeans(tiles: number, classCounts: readonly number[] | null): boolean
}

/** `judge`: a round that is over; nothing of an update leaves. */
export type RoundStep = 'train' | 'send' | 'judge'

/** Frames of a connection, not of a study: they say who this site is, and answer. They pass at all times. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  'ledger:show',
  'ledger:fetch',
  'key:fetch',
  'site:rotate',
  'connect',
  'disconnect',
  'answer',
  'site:enroll',
  'session:join',
])

/** Builds the guard of a signed policy. */
export function createGuard(options: GuardOptions): Guard {
  const { policy, hash, totals, now, isPaused, isApproved, hasLeft = () => false, dryRun = false } = options
  const { largestUpload, roundsPerDay } = policy

  const assertTime = (): void => {
    if (isPaused()) {
      throw new TesseraError(
        'ERR_POLICY_PAUSED',
        'site must not be paused (tessera site resume), got a pause',
      )
    }
    if (!isOpen(policy, now())) {
      throw new TesseraError('ERR_POLICY_HOURS', 'time must be within the hours of policy.yaml, got another')
    }
  }
  const assertBytes = (study: string | undefined, round: number | undefined, bytes: number): void => {
    const inRound = bytes + (study === undefined || round === undefined ? 0 : totals.roundBytes(study, round))
    atMost('bytes of a round’s upload', largestUpload.roundBytes, inRound)
    atMost('bytes of a day’s uploads', largestUpload.dayBytes, bytes + totals.day(now()).bytes)
  }
  const assertRoundsOfDay = (study: string, round: number): void => {
    if (totals.hasRound(now(), study, round)) return
    atMost('rounds of a day', roundsPerDay, totals.day(now()).rounds + 1)
  }
  const assertApproved = (study: string, round: number): void => {
    if (policy.approval === 'none' || isApproved(study, round)) return
    throw new TesseraError(
      'ERR_POLICY_APPROVAL',
      `round ${round} must be approved (tessera site approve ${round} --study ${study}), got no answer yet`,
    )
  }

  return {
    hash,
    normClip: policy.normClip === 'none' ? null : policy.normClip,
    tellsCounts: policy.judging === 'counts',
    assertStudy({ study, layout, coordinatorKey, teacher }) {
      if (!allows(policy.studies, study)) throw unwelcome(`study must be one of its studies`, study)
      const key = fingerprint(coordinatorKey)
      if (!policy.coordinators.includes(key))
        throw unwelcome('coordinator must be one of its coordinators', key)
      if (teacher !== null && !allows(policy.teachers, teacher)) {
        throw unwelcome('teacher must be one of its teachers', teacher)
      }
      const statistic = layout.tensors.find(({ kind }) => kind === 'statistic')
      if (!policy.statisticsMayLeave && statistic !== undefined) {
        throw unwelcome('batch-norm statistics must stay at the site', `${statistic.name} in the delta`)
      }
    },
    assertSamples(samples) {
      if (samples >= policy.smallestSampleCount) return
      throw new TesseraError(
        'ERR_POLICY_SAMPLES',
        `policy.yaml: a round must have at least ${policy.smallestSampleCount} tiles, got fewer`,
      )
    },
    assertRound(step, study, round, bytes) {
      if (hasLeft(study)) throw leftStudy(study)
      assertTime()
      if (step === 'judge') return
      assertRoundsOfDay(study, round)
      // What has left of the round before a cut need not leave again: only what a whole upload takes is asked for here.
      if (totals.roundBytes(study, round) === 0) assertBytes(study, round, bytes)
      if (step === 'send') assertApproved(study, round)
    },
    assertFrame({ kind, bytes, study, round }) {
      if (OF_THE_CONNECTION.has(kind)) return
      // All but the word that this site has no part in a round any more.
      if (study !== undefined && kind !== 'round:decline' && hasLeft(study)) throw leftStudy(study)
      if (dryRun && !kind.startsWith('model:')) {
        throw new TesseraError(
          'ERR_POLICY_PAUSED',
          `${kind} must stay here in a dry run, got an attempt to send it`,
        )
      }
      assertTime()
      if (!kind.startsWith('upload:') || study === undefined || round === undefined) return
      assertApproved(study, round)
      assertRoundsOfDay(study, round)
      assertBytes(study, round, bytes)
    },
    reportable: (samples, metrics, classCounts) => reportable(samples, metrics, policy, classCounts),
    tellable: (counts) => tellable(counts, policy),
    mayTellMeans: (tiles, classCounts) => mayTellMeans(policy, tiles, classCounts),
  }

  function atMost(what: string, most: number, got: number): void {
    if (got <= most) return
    const day = localDay(now(), policy.timeZone)
    throw new TesseraError(
      'ERR_POLICY_LIMIT',
      `policy.yaml: ${what} must be at most ${most}, got ${got} on ${day}`,
    )
  }
}

/** A refusal that passes by itself or by a person's word: the agent waits. */
export function isPassing(code: ErrorCode): boolean {
  return code === 'ERR_POLICY_PAUSED' || code === 'ERR_POLICY_HOURS' || code === 'ERR_POLICY_APPROVAL'
}

function allows(list: 'any' | readonly string[], value: string): boolean {
  return list === 'any' || list.includes(value)
}

function unwelcome(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_POLICY_STUDY', `policy.yaml: ${rule}, got ${got}`)
}
