/** @file Scores of classifiers, and how sure they are. Pure. */
export {
  type BootstrapOptions,
  bootstrapInterval,
  type Interval,
} from './bootstrap.ts'
export { type ClassIndices, type ConfusionMatrix, confusionMatrix, marginals } from './confusion.ts'
export { accuracy, balancedAccuracy, macroF1, quadraticWeightedKappa } from './scores.ts'
