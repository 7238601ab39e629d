/** @file How the sites' deltas are written and become the student's step (docs/aggregation.md). */
import { z } from 'zod'

const positive = z.number().positive()

/**
 * How the sites' deltas become the student's step; docs/aggregation.md has the formulas. `learningRate`: the server's. Momenta are those of
 * the papers; FedAvgM's rate and Nesterov's form are DiLoCo's (Douillard et al., 2023), τ is FedAdam's own 1e-3.
 */
export const strategy = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('fedavg') }),
  z.strictObject({
    name: z.literal('fedavgm'),
    learningRate: positive.max(10).default(0.7),
    momentum: z.number().min(0).lt(1).default(0.9),
    nesterov: z.boolean().default(true),
  }),
  z.strictObject({ name: z.literal('fedadam'), ...adaptive() }),
  z.strictObject({ name: z.literal('fedyogi'), ...adaptive() }),
  /** `mu`: of the proximal term μ/2·‖w − w_global‖²; the paper's grid is 0.001 to 1. */
  z.strictObject({ name: z.literal('fedprox'), mu: positive.max(10).default(0.01) }),
  z.strictObject({ name: z.literal('fedbn') }),
  /** `mu`: weight of the model-contrastive term; both defaults are the published code's. */
  z.strictObject({
    name: z.literal('moon'),
    mu: positive.max(100).default(1),
    temperature: positive.default(0.5),
  }),
  z.strictObject({ name: z.literal('median') }),
  /** `trim`: share of the sites that is left out at each end, rounded down. */
  z.strictObject({ name: z.literal('trimmed-mean'), trim: z.number().gt(0).lt(0.5).default(0.2) }),
])
export type Strategy = z.infer<typeof strategy>

function adaptive() {
  const decay = z.number().min(0).lt(1)
  return {
    /** Far below 1: a step has about this size in every coordinate, whatever the deltas' size. */
    learningRate: positive.max(10).default(0.01),
    beta1: decay.default(0.9),
    beta2: decay.default(0.99),
    tau: positive.max(1).default(1e-3),
  }
}

/** What a delta is written in. All but `f32` lose something, which the site adds to its next delta (docs/aggregation.md). */
export const encoding = z.union([z.literal('f32'), z.literal('bf16'), z.literal('int8')])
export type Encoding = z.infer<typeof encoding>

/** Guards of the aggregation beside `maxNorm` and `maxShare`. */
export const guards = z.strictObject({
  /**
   * A delta longer than `factor` times the median length is scaled down to that. Of sites whose sizes span 94-fold, as those of eight
   * hospitals did, steps span √94 ≈ 10: about 3 on each side of the middle. `rounds`: how many earlier rounds the median looks at as well, so
   * that a round of two sites has a middle; `off` is for experiments.
   */
  adaptiveNorm: z
    .union([
      z.literal('off'),
      z.strictObject({
        factor: z.number().min(1).max(1000).default(3),
        rounds: z.int().min(0).max(20).default(3),
      }),
    ])
    .prefault({}),
})
export type Guards = z.infer<typeof guards>
