/** @file Whether a classifier is right as often as it says. */
import { assertTable, type Probabilities } from './probabilities.ts'

/** As many as most papers since Guo et al. take: values with another number are not comparable. */
export const CALIBRATION_BINS = 15

/** Items of one bin of confidence: what a reliability diagram draws. */
export interface CalibrationBin {
  readonly items: number
  /** Mean probability of the class that is called; NaN without items. */
  readonly confidence: number
  /** Share that is right; NaN without items. */
  readonly accuracy: number
}

/**
 * Bins of equal width over the confidence, the largest probability of an item: bin b holds those in (b / B, (b + 1) / B].
 * @throws {TesseraError} ERR_INTERNAL when truth and probabilities do not fit.
 */
export function calibrationBins(
  probabilities: Probabilities,
  bins: number = CALIBRATION_BINS,
): CalibrationBin[] {
  assertTable(probabilities)
  const { truth, values, classes } = probabilities
  const sums = Array.from({ length: bins }, () => ({ items: 0, confidence: 0, right: 0 }))
  for (let i = 0; i < truth.length; i++) {
    let called = 0
    for (let k = 1; k < classes; k++) {
      if ((values[i * classes + k] ?? 0) > (values[i * classes + called] ?? 0)) called = k
    }
    const confidence = values[i * classes + called] ?? 0
    const bin = sums[Math.min(bins, Math.max(1, Math.ceil(confidence * bins))) - 1]
    if (bin === undefined) continue
    bin.items++
    bin.confidence += confidence
    bin.right += Number(truth[i] === called)
  }
  return sums.map(({ items, confidence, right }) => ({
    items,
    confidence: confidence / items,
    accuracy: right / items,
  }))
}

/**
 * Expected calibration error, Σ_b |B_b| / n · |accuracy − confidence|: 0 when each bin is right as often as it says. NaN without items.
 *
 * Source: Guo et al., ICML 2017, equation 3, https://arxiv.org/abs/1706.04599.
 * @throws {TesseraError} As {@link calibrationBins}.
 */
export function expectedCalibrationError(
  probabilities: Probabilities,
  bins: number = CALIBRATION_BINS,
): number {
  const all = calibrationBins(probabilities, bins).filter(({ items }) => items > 0)
  const gap = all.reduce(
    (sum, { items, confidence, accuracy }) => sum + items * Math.abs(accuracy - confidence),
    0,
  )
  return gap / probabilities.truth.length
}
