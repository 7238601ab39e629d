/** @file How a study's students do at its sites, from what these have said: the cross-site matrix, and all counts together. */
import {
  COUNT_METRICS,
  type CountMetric,
  itemsOf,
  type PartialCounts,
  sumCounts,
} from '@tessera/shared/metrics'
import type { Judging, Withholding } from '@tessera/shared/protocol'
import { loadCoordinator } from '../config.ts'
import { bestStudent, type JudgedStudent, pooledCounts, type ScoredStudent } from '../rounds/index.ts'
import { readEvents } from '../store/index.ts'
import { findStudy, replayJudgedStudents, replayRounds } from './replay.ts'

/** Scores of a matrix; null: the counts say nothing of it. */
export type Scores = Readonly<Record<CountMetric, number | null>>

export interface CountedTiles {
  readonly tiles: number
  /** Rows true classes, columns called ones; a row that is null was withheld. */
  readonly counts: PartialCounts
  readonly scores: Scores
}

/** What one site has said; `counted` null: nothing but why. */
export interface SiteVerdict {
  readonly site: string
  readonly withheld: Withholding | null
  /** Classes whose rows its policy withholds. */
  readonly suppressed: readonly string[]
  readonly counted: CountedTiles | null
}

export interface JudgedRound {
  readonly round: number
  readonly student: string
  readonly sites: readonly SiteVerdict[]
  /** Null: no site told counts. */
  readonly pooled: CountedTiles | null
}

export interface StudyMetrics {
  readonly study: string
  readonly phase: string
  /** Null: the study judges no students. */
  readonly judging: Judging | null
  readonly classes: readonly string[]
  readonly rounds: readonly JudgedRound[]
  readonly best: ScoredStudent | null
  /** Newest published round and student; round 0 before the first. */
  readonly last: { readonly round: number; readonly student: string }
  /** Finished before its last round, because its students got no better. */
  readonly stoppedEarly: boolean
}

/** @throws {TesseraError} ERR_STUDY_UNKNOWN, ERR_CONFIG_INVALID, ERR_STORE_CORRUPT */
export async function studyMetrics(options: { dir: string; study: string }): Promise<StudyMetrics> {
  await loadCoordinator(options.dir)
  const events = await readEvents(options.dir)
  const created = findStudy(events, options.study)
  const { study } = created
  const { phase, judging, records, rounds, student } = replayRounds(created, events)
  return {
    study: study.id,
    phase,
    judging: study.judging ?? null,
    classes: study.classes,
    rounds: replayJudgedStudents(created, events).map((judged) => judgedRound(judged, study.classes)),
    best: bestStudent(judging),
    last: { round: records.length, student },
    stoppedEarly: phase === 'finished' && records.length < rounds,
  }
}

function judgedRound({ round, student, judgements }: JudgedStudent, classes: readonly string[]): JudgedRound {
  const pooled = pooledCounts({ judgements }, classes.length)
  return {
    round,
    student,
    sites: [...judgements]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([site, { counts, withheld }]) => ({
        site,
        withheld,
        suppressed: classes.filter((_, i) => counts !== null && counts[i] === null),
        counted: counts && counted(counts),
      })),
    pooled: pooled && counted(pooled),
  }
}

function counted(counts: PartialCounts): CountedTiles {
  return { tiles: itemsOf(counts), counts, scores: scoresOf(counts) }
}

/** All scores that counts give. */
export function scoresOf(counts: PartialCounts): Scores {
  const whole = sumCounts([counts], counts.length)
  const score = (name: CountMetric): number | null => {
    const value = COUNT_METRICS[name](whole)
    return Number.isNaN(value) ? null : value
  }
  return {
    accuracy: score('accuracy'),
    balancedAccuracy: score('balancedAccuracy'),
    macroF1: score('macroF1'),
    quadraticWeightedKappa: score('quadraticWeightedKappa'),
  }
}
