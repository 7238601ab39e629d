/** @file Judging: each site scores students on tiles that it does not train on, and tells counts (docs/judging.md). */
import { z } from 'zod'
import { MAX_JUDGED_CLASSES, MAX_SAMPLES } from './limits.ts'

/** Whose tiles a student is judged on: those to choose by, or those to be judged by, as each site's data are divided. */
export const judgedPart = z.union([z.literal('val'), z.literal('test')])

/** Of a study. Absent: nothing is judged. */
export const judging = z.strictObject({
  /** Judged are the students of the rounds that are a multiple of it, and the last. */
  every: z.int().positive().max(100_000).default(1),
  /** Tiles that a student is judged on. Early stopping takes `val`: tiles that decide when to stop cannot be tested on. */
  part: judgedPart.default('val'),
  /** What the best student goes by. Balanced: a site with many tiles of one class does not decide alone. */
  metric: z.enum(['accuracy', 'balancedAccuracy', 'macroF1']).default('balancedAccuracy'),
})
export type Judging = z.infer<typeof judging>

/** True when the student that a round has published is judged. */
export function isJudged(
  judging: Pick<Judging, 'every'> | undefined,
  { round, final }: { readonly round: number; readonly final: boolean },
): boolean {
  return judging !== undefined && (final || round % judging.every === 0)
}

const count = z.int().min(0).max(MAX_SAMPLES)
/** A confusion matrix, rows true classes, columns called ones. Null: the site's policy withholds the row. */
export const judgedCounts = z.array(z.array(count).max(MAX_JUDGED_CLASSES).nullable()).max(MAX_JUDGED_CLASSES)
export type JudgedCounts = z.infer<typeof judgedCounts>

/** Why a site tells no counts: its policy keeps them, they would be of too few tiles, or its data have no such part. */
export const withholding = z.union([z.literal('policy'), z.literal('few-tiles'), z.literal('no-tiles')])
export type Withholding = z.infer<typeof withholding>
