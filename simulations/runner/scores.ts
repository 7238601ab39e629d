/** @file Scores of one model on the test tiles of every site, and of all sites together, with bootstrap intervals. Pure. */
import {
  accuracy,
  bootstrapInterval,
  type ConfusionMatrix,
  confusionMatrix,
  type Interval,
  macroF1,
  quadraticWeightedKappa,
} from '@tessera/shared/metrics'

export const METRICS = { accuracy, macroF1, quadraticWeightedKappa } as const
export type MetricName = keyof typeof METRICS

/** Answers on one site's test tiles; `groups` as the tiles. */
export interface SiteAnswers {
  readonly site: string
  readonly truth: readonly number[]
  readonly predicted: readonly number[]
  readonly groups: readonly string[]
}

export interface Score extends Interval {
  readonly value: number
}

export interface Scores {
  readonly tiles: number
  readonly groups: number
  readonly confusion: ConfusionMatrix
  readonly metrics: Readonly<Record<MetricName, Score>>
}

export interface ArmScores {
  readonly sites: Readonly<Record<string, Scores>>
  readonly pooled: Scores
}

export const BOOTSTRAP = { resamples: 1000, level: 0.95 } as const

/** Whole groups are drawn: tiles of one patient are not independent. The seed is the same for all arms: they are drawn the same tiles. */
export function scoreArm(answers: readonly SiteAnswers[], classes: number, seed: string): ArmScores {
  const sites = Object.fromEntries(
    answers.map((own) => [own.site, score(own, classes, `${seed}/${own.site}`)]),
  )
  const pooled = {
    truth: answers.flatMap((own) => own.truth),
    predicted: answers.flatMap((own) => own.predicted),
    groups: answers.flatMap((own) => own.groups),
  }
  return { sites, pooled: score(pooled, classes, `${seed}/pooled`) }
}

function score(
  { truth, predicted, groups }: Omit<SiteAnswers, 'site'>,
  classes: number,
  seed: string,
): Scores {
  const confusion = confusionMatrix(truth, predicted, classes)
  const of = (name: MetricName): Score => ({
    value: METRICS[name](confusion),
    ...bootstrapInterval(truth, predicted, METRICS[name], { ...BOOTSTRAP, seed, classes, groups }),
  })
  return {
    tiles: truth.length,
    groups: new Set(groups).size,
    confusion,
    metrics: {
      accuracy: of('accuracy'),
      macroF1: of('macroF1'),
      quadraticWeightedKappa: of('quadraticWeightedKappa'),
    },
  }
}
