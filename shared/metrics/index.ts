/** @file Scores of classifiers, how sure they are, and whether one is better than another. Pure. */
export { auroc, macroAuroc } from './auroc.ts'
export {
  type BootstrapOptions,
  bootstrapInterval,
  bootstrapItems,
  type Interval,
} from './bootstrap.ts'
export {
  CALIBRATION_BINS,
  type CalibrationBin,
  calibrationBins,
  expectedCalibrationError,
} from './calibration.ts'
export { type ClassScores, classScores } from './class-scores.ts'
export { type ClassIndices, type ConfusionMatrix, confusionMatrix, marginals } from './confusion.ts'
export {
  COUNT_METRICS,
  type CountMetric,
  itemsOf,
  type PartialCounts,
  sumCounts,
} from './from-counts.ts'
export { meanInterval } from './mean-interval.ts'
export { holm, type PairedTest, pairedT, signedRanks } from './paired.ts'
export type { Probabilities } from './probabilities.ts'
export { quantile } from './quantile.ts'
export { accuracy, balancedAccuracy, macroF1, quadraticWeightedKappa } from './scores.ts'
export { shareInterval } from './wilson.ts'
