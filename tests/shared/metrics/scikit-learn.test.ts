import { readFileSync } from 'node:fs'
import {
  accuracy,
  balancedAccuracy,
  classScores,
  confusionMatrix,
  expectedCalibrationError,
  holm,
  macroAuroc,
  macroF1,
  pairedT,
  quadraticWeightedKappa,
  signedRanks,
} from '@tessera/shared/metrics'
import { describe, expect, test } from 'vitest'
import { expectClose } from '../../support/close.ts'

/** What tests/parity/generate_scores.py has written with scikit-learn and SciPy; null stands for NaN. */
interface Cases {
  readonly tables: readonly {
    readonly name: string
    readonly classes: number
    readonly truth: readonly number[]
    readonly values: readonly number[]
    readonly expect: Readonly<Record<string, unknown>>
  }[]
  readonly pairs: readonly Readonly<
    Record<'a' | 'b', readonly number[]> & Record<'t' | 'tP' | 'plus' | 'ranksP', number>
  >[]
  readonly holm: { readonly p: readonly number[]; readonly holm: readonly number[] }
}
const cases = JSON.parse(
  readFileSync(new URL('../../parity/scores/scores.json', import.meta.url), 'utf8'),
) as Cases

/** Both sum the same few numbers in float64, in another order. */
const DIGITS = 12
const called = (values: readonly number[], classes: number): number[] =>
  Array.from({ length: values.length / classes }, (_, i) => {
    const row = values.slice(i * classes, (i + 1) * classes)
    return row.indexOf(Math.max(...row))
  })

describe.each(cases.tables)('on $name', ({ classes, truth, values, expect: want }) => {
  const matrix = confusionMatrix(truth, called(values, classes), classes)
  test('the matrix and the scores from it are scikit-learn’s', () => {
    expect(matrix).toEqual(want['confusion'])
    for (const score of [accuracy, balancedAccuracy, macroF1, quadraticWeightedKappa])
      expect(score(matrix), score.name).toBeCloseTo(want[score.name] as number, DIGITS)
  })
  test('precision, recall, F1 and support of each class are scikit-learn’s', () => {
    const scores = classScores(matrix)
    for (const name of ['precision', 'recall', 'f1', 'support'] as const) {
      for (const [k, value] of (want[name] as (number | null)[]).entries())
        expectClose(scores[k]?.[name] ?? 0, value ?? Number.NaN, DIGITS, `${name} of ${k}`)
    }
  })
  test('the area under the ROC curve is scikit-learn’s', () => {
    expect(macroAuroc({ truth, values, classes })).toBeCloseTo(want['auroc'] as number, DIGITS)
  })
  test('the calibration error is a loop’s', () => {
    expect(expectedCalibrationError({ truth, values, classes })).toBeCloseTo(
      want['calibrationError'] as number,
      DIGITS,
    )
  })
})

describe.each(cases.pairs)('over $a.length pairs', ({ a, b, t, tP, plus, ranksP }) => {
  test('the t test is SciPy’s', () => {
    const got = pairedT(a, b)
    expect(got.statistic).toBeCloseTo(t, 9)
    expect(got.p).toBeCloseTo(tP, DIGITS)
  })
  test('the signed-rank test is SciPy’s exact one', () => {
    const got = signedRanks(a, b)
    expect(got.statistic).toBe(plus)
    expect(got.p).toBeCloseTo(ranksP, DIGITS)
  })
})

test('p values adjusted by Holm are those of the loop', () => {
  for (const [i, p] of holm(cases.holm.p).entries()) expect(p).toBeCloseTo(cases.holm.holm[i] ?? 0, DIGITS)
})
