/**
 * @file What sites have said of a study's students, for the tables and the matrix: read off the events as past.ts does. Memory: a score for each site and kept round
 * (thinned.ts), and the counts of two students, the best and the newest, which MAX_JUDGED_CLASSES and MAX_SITES bound.
 */
import type {
  ClassRow,
  JudgedRound,
  JudgedStudent as JudgedStudentRow,
  JudgingReport,
} from '@tessera/shared/dashboard/coordinator-api'
import {
  COUNT_METRICS,
  type ConfusionMatrix,
  classScores,
  itemsOf,
  shareInterval,
} from '@tessera/shared/metrics'
import type { Study } from '@tessera/shared/protocol'
import { type JudgedStudent, pooledCounts, type RoundEvent, type SiteWord } from '../rounds/index.ts'
import { scoresOf } from '../studies/index.ts'
import { createThinned } from './thinned.ts'

export interface Judged {
  /** Takes in an event of the study; others change nothing. */
  note(event: RoundEvent): void
  /** Judgements that have come. */
  judgements(): number
  best(): { readonly round: number; readonly metric: string; readonly score: number } | null
  report(): JudgingReport
}

/** Builds it for one study, empty. */
export function createJudged({ id, classes, judging }: Study): Judged {
  const metric = judging?.metric ?? 'balancedAccuracy'
  const rounds = createThinned<JudgedRound>()
  let newest: JudgedStudent | null = null
  /** The newest may still be judged. */
  let open = false
  let best: JudgedStudent | null = null
  let judgements = 0

  const scoreOf = (student: JudgedStudent | null): number => {
    const counts = student && pooledCounts(student, classes.length)
    return counts === null ? Number.NEGATIVE_INFINITY : COUNT_METRICS[metric](counts)
  }
  /** The earlier of two that are equal, as the study's own choice. */
  const bestNow = (): JudgedStudent | null => {
    const better = scoreOf(newest) > scoreOf(best) ? newest : best
    return scoreOf(better) === Number.NEGATIVE_INFINITY ? null : better
  }
  const row = ({ round, judgements }: JudgedStudent): JudgedRound => {
    const counts = pooledCounts({ judgements }, classes.length)
    return {
      round,
      tiles: counts === null ? 0 : itemsOf(counts),
      pooled: counts && scoresOf(counts),
      sites: Object.fromEntries(
        [...judgements].map(([site, { counts }]) => [site, counts && scoresOf(counts)[metric]]),
      ),
    }
  }
  const begin = (round: number, student: string): JudgedStudent => {
    if (newest !== null) {
      rounds.add(row(newest), newest.judgements.size)
      best = bestNow()
    }
    open = true
    return { round, student, judgements: new Map() }
  }
  const change = (judged: JudgedStudent, site: string, word: SiteWord | null): JudgedStudent => {
    const words = new Map(judged.judgements)
    if (word === null) words.delete(site)
    else words.set(site, word)
    return { ...judged, judgements: words }
  }
  return {
    note(event) {
      if (event.type === 'site.revoked') {
        if (newest !== null && open) newest = change(newest, event.site, null)
        return
      }
      if (event.study !== id) return
      if (event.type === 'judgement.accepted') {
        const { site, round, student, counts, withheld, judgementSha256: sha256 } = event
        const judged = newest?.round === round ? newest : begin(round, student)
        newest = change(judged, site, { sha256, counts, withheld })
        judgements++
        // The round after the judged one has ended: what was said by now counts.
      } else if (event.type === 'round.closed' && event.outcome === 'publish') open = false
    },
    judgements: () => judgements,
    best() {
      const student = bestNow()
      return student && { round: student.round, metric, score: scoreOf(student) }
    },
    report() {
      const winner = bestNow()
      return {
        study: id,
        classes,
        judging: judging === undefined ? null : { part: judging.part, metric, every: judging.every },
        rounds: newest === null ? [] : [...rounds.rows(), row(newest)],
        best: winner && inFull(winner, classes),
        newest: newest && inFull(newest, classes),
      }
    },
  }
}

function inFull({ round, student, judgements }: JudgedStudent, classes: readonly string[]): JudgedStudentRow {
  const counts = pooledCounts({ judgements }, classes.length)
  return {
    round,
    student,
    counts,
    scores: counts && scoresOf(counts),
    perClass: counts === null ? [] : classRows(counts, classes),
    sites: [...judgements]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([site, { counts, withheld }]) => ({
        site,
        tiles: counts === null ? 0 : itemsOf(counts),
        withheld,
        counts,
        scores: counts && scoresOf(counts),
      })),
  }
}

function classRows(counts: ConfusionMatrix, classes: readonly string[]): ClassRow[] {
  const scores = classScores(counts)
  return classes.map((name, i) => {
    const right = counts[i]?.[i] ?? 0
    const { support = 0, f1 = Number.NaN } = scores[i] ?? {}
    const called = counts.reduce((sum, row) => sum + (row[i] ?? 0), 0)
    return {
      name,
      support,
      precision: shareInterval(right, called),
      recall: shareInterval(right, support),
      f1: Number.isNaN(f1) ? null : f1,
    }
  })
}
