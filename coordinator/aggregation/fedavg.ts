/**
 * @file Sample-weighted mean of site deltas (FedAvg): Δ = Σᵢ wᵢΔᵢ / Σᵢ wᵢ, wᵢ = samples of site i, or its capped weight.
 *
 * Source: McMahan et al., AISTATS 2017, Algorithm 1, https://arxiv.org/abs/1602.05629. Differs: batch-norm statistics are averaged with the
 * same weights (the mean of the sites' running means and variances); of counters the largest is taken, since a mean of counts counts nothing.
 */
import type { Aggregator } from './aggregator.ts'

/** Builds the default strategy. */
export function fedavg(): Aggregator {
  return { name: 'fedavg', ...WEIGHTED_MEAN }
}

/** The parts of a strategy whose step is the weighted mean itself. */
export const WEIGHTED_MEAN = {
  state: [],
  combine: () => ({ kind: 'mean' }),
  move: () => undefined,
} as const satisfies Omit<Aggregator, 'name'>
