/**
 * @file What sites say of a published student, and what follows: which student is the best, and whether it is worth going on.
 *
 * The student of round r may be judged until round r + 1 is closed; nobody is waited for. Then what was said is counted, and the record of
 * round r + 1 lists it. So that every site that trains round r + 1 has had its word, the study can end early one round after the one that
 * decided it.
 *
 *   score = metric(Σᵢ countsᵢ)
 *
 * i: sites that told counts. A student of which nobody told any has no score, and changes nothing.
 */
import { TesseraError } from '@tessera/shared/errors'
import { COUNT_METRICS, type ConfusionMatrix, sumCounts } from '@tessera/shared/metrics'
import {
  isJudged,
  type JudgedCounts,
  type Judging,
  type Study,
  type Withholding,
} from '@tessera/shared/protocol'
import type { JudgementAccepted } from './events.ts'

export interface JudgingRules extends Pick<Judging, 'every' | 'metric'> {
  /** Number of classes. */
  readonly classes: number
  readonly earlyStopping: NonNullable<Study['training']['earlyStopping']> | null
}

/** A student and what was said of it. Memory: at most MAX_SITES matrices of MAX_JUDGED_CLASSES² counts. */
export interface JudgedStudent {
  /** That published it. */
  readonly round: number
  readonly student: string
  /** By site. */
  readonly judgements: ReadonlyMap<string, SiteWord>
}

export interface SiteWord {
  /** Of its text. */
  readonly sha256: string
  /** Null when it tells none, and why. */
  readonly counts: JudgedCounts | null
  readonly withheld: Withholding | null
}

/** A student with its score. */
export interface ScoredStudent {
  readonly round: number
  readonly student: string
  readonly score: number
}

export interface JudgingState {
  readonly rules: JudgingRules
  /** Sites may speak of it now. */
  readonly open: JudgedStudent | null
  /** What was said of the student before, while the round after it is being published. */
  readonly closed: JudgedStudent | null
  /** Of the students whose judging is closed. */
  readonly best: ScoredStudent | null
  /** Score that a student must exceed by `minDelta` to be better, and how many running have not. */
  readonly stall: { readonly reference: number; readonly students: number }
}

/** Nothing is judged yet; null: the study has no judging. */
export function initialJudging({ judging, classes, training }: Study): JudgingState | null {
  if (judging === undefined) return null
  const { every, metric } = judging
  return {
    rules: { every, metric, classes: classes.length, earlyStopping: training.earlyStopping ?? null },
    open: null,
    closed: null,
    best: null,
    stall: { reference: Number.NEGATIVE_INFINITY, students: 0 },
  }
}

/** A round has published its student. */
export function openJudging(
  judging: JudgingState | null,
  { round, student, final }: { round: number; student: string; final: boolean },
): JudgingState | null {
  if (judging === null) return null
  const due = isJudged(judging.rules, { round, final })
  return { ...judging, closed: null, open: due ? { round, student, judgements: new Map() } : null }
}

/** What decides whether a site's word is taken. */
interface Word {
  readonly site: string
  readonly round: number
  readonly student: string
  /** SHA-256 of its text. */
  readonly judgementSha256: string
}

/**
 * True when it was said before, to the byte: then it counts already.
 * @throws {TesseraError} ERR_JUDGEMENT_CLOSED, ERR_JUDGEMENT_DUPLICATE
 */
export function isRepeated(judging: JudgingState | null, word: Word): boolean {
  const { site, round, student, judgementSha256 } = word
  const open = judging?.open
  if (open?.round !== round || open.student !== student) {
    const want = open ? `of the student of round ${open.round}` : 'of a student that is judged now'
    throw new TesseraError('ERR_JUDGEMENT_CLOSED', `judgement must be ${want}, got one of round ${round}`)
  }
  const said = open.judgements.get(site)
  if (said === undefined || said.sha256 === judgementSha256) return said !== undefined
  throw new TesseraError(
    'ERR_JUDGEMENT_DUPLICATE',
    `site must judge the student of round ${round} once, got another judgement of ${site}`,
  )
}

/** Takes a site's word in; null when it cannot follow. */
export function withJudgement(
  judging: JudgingState | null,
  { site, round, student, judgementSha256: sha256, counts, withheld }: JudgementAccepted,
): JudgingState | null {
  const open = judging?.open
  if (!judging || open?.round !== round || open.student !== student || open.judgements.has(site)) return null
  const judgements = new Map(open.judgements).set(site, { sha256, counts, withheld })
  return { ...judging, open: { ...open, judgements } }
}

/** What a revoked site has said of the student that is judged now does not count. */
export function withoutSite(judging: JudgingState | null, site: string): JudgingState | null {
  if (!judging?.open?.judgements.has(site)) return judging
  const judgements = new Map([...judging.open.judgements].filter(([other]) => other !== site))
  return { ...judging, open: { ...judging.open, judgements } }
}

/** The round after the judged one is closed: what was said by now counts. */
export function closeJudging(judging: JudgingState | null): JudgingState | null {
  if (!judging?.open) return judging
  const { open, rules, best, stall } = judging
  const closed = { ...judging, open: null, closed: open }
  const scored = scoreOf(open, rules)
  if (scored === null) return closed
  const isBetter = scored.score > stall.reference + (rules.earlyStopping?.minDelta ?? 0)
  return {
    ...closed,
    best: betterOf(best, scored),
    stall: isBetter ? { reference: scored.score, students: 0 } : { ...stall, students: stall.students + 1 },
  }
}

/** True when the judged students have not become better for so long that the open round is the last. */
export function stopsEarly(judging: JudgingState | null): boolean {
  const patience = judging?.rules.earlyStopping?.patience
  return judging !== null && patience !== undefined && judging.stall.students >= patience
}

/** The best student by what has been said so far; the earlier of two that are equal. Null: nobody has told counts. */
export function bestStudent(judging: JudgingState | null): ScoredStudent | null {
  if (judging === null) return null
  return betterOf(judging.best, judging.open && scoreOf(judging.open, judging.rules))
}

/** All counts that were told of a student, in one matrix; null when none were. */
export function pooledCounts(
  { judgements }: Pick<JudgedStudent, 'judgements'>,
  classes: number,
): ConfusionMatrix | null {
  const told = [...judgements.values()].flatMap(({ counts }) => (counts === null ? [] : [counts]))
  return told.length === 0 ? null : sumCounts(told, classes)
}

function scoreOf(judged: JudgedStudent, { classes, metric }: JudgingRules): ScoredStudent | null {
  const counts = pooledCounts(judged, classes)
  if (counts === null) return null
  return { round: judged.round, student: judged.student, score: COUNT_METRICS[metric](counts) }
}

function betterOf(a: ScoredStudent | null, b: ScoredStudent | null): ScoredStudent | null {
  if (a === null || b === null) return a ?? b
  return b.score > a.score ? b : a
}
