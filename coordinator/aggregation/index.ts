/** @file The strategies a study can choose. Adding one: its file, its schema in shared/protocol/aggregation.ts, a line here. */
import type { Strategy } from '@tessera/shared/protocol'
import type { Aggregator } from './aggregator.ts'
import { fedadam } from './fedadam.ts'
import { fedavg } from './fedavg.ts'
import { fedavgm } from './fedavgm.ts'
import { fedbn } from './fedbn.ts'
import { fedprox } from './fedprox.ts'
import { fedyogi } from './fedyogi.ts'
import { median } from './median.ts'
import { moon } from './moon.ts'
import { trimmedMean } from './trimmed-mean.ts'

const STRATEGIES: {
  readonly [N in Strategy['name']]: (strategy: Extract<Strategy, { name: N }>) => Aggregator
} = {
  fedavg,
  fedavgm,
  fedadam,
  fedyogi,
  fedprox,
  fedbn,
  moon,
  median,
  'trimmed-mean': trimmedMean,
}

/** Builds a study's strategy. */
export function createAggregator(strategy: Strategy): Aggregator {
  // The entry and its argument are both picked by the name; the compiler cannot follow that.
  return (STRATEGIES[strategy.name] as (strategy: Strategy) => Aggregator)(strategy)
}

export * from './aggregator.ts'
export { clipFactors } from './norm-guard.ts'
export * from './parts.ts'
export { cappedWeights } from './share-cap.ts'
