/** @file How the sites' deltas are written and become the student's step (docs/aggregation.md). */
import { z } from 'zod'

const positive = z.number().positive()

/** Of FedAdam and FedYogi. Momenta are the paper's. */
export const adaptive = {
  /** A step has about this size in every coordinate, whatever the deltas' size: far below 1, since a network's weights are some hundredths. */
  learningRate: positive.max(10).default(0.01),
  /** Of the mean of the deltas. */
  beta1: z.number().min(0).lt(1).default(0.9),
  /** Of the mean of their squares. */
  beta2: z.number().min(0).lt(1).default(0.99),
  /** Added to the root of that mean: holds back coordinates that hardly move. */
  tau: positive.max(1).default(1e-3),
} as const

/** How the sites' deltas become the student's step; docs/aggregation.md has the formulas. */
export const strategy = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('fedavg') }),
  z.strictObject({
    name: z.literal('fedavgm'),
    /** The server's; the outer step of DiLoCo (Douillard et al., 2023). With momentum 0.9 and rate 1 a steady delta is taken ten times. */
    learningRate: positive.max(10).default(0.7),
    /** The middle of the paper's grid. */
    momentum: z.number().min(0).lt(1).default(0.9),
    /** Whether the step looks ahead, as DiLoCo's does. */
    nesterov: z.boolean().default(true),
  }),
  z.strictObject({ name: z.literal('fedadam'), ...adaptive }),
  z.strictObject({ name: z.literal('fedyogi'), ...adaptive }),
  z.strictObject({
    name: z.literal('fedprox'),
    /** Of the proximal term μ/2·‖w − w_global‖². Of the paper's grid, 0.001 to 1, one that cannot hold training back. */
    mu: positive.max(10).default(0.01),
  }),
  z.strictObject({ name: z.literal('fedbn') }),
  z.strictObject({
    name: z.literal('moon'),
    /** Weight of the model-contrastive term; the published code's. The paper chose 0.1 to 10 for each data set. */
    mu: positive.max(100).default(1),
    /** Of the contrast; the published code's. */
    temperature: positive.default(0.5),
  }),
  z.strictObject({ name: z.literal('median') }),
  z.strictObject({
    name: z.literal('trimmed-mean'),
    /** Share of the sites that is left out at each end, rounded down: one of five. */
    trim: z.number().gt(0).lt(0.5).default(0.2),
  }),
])
export type Strategy = z.infer<typeof strategy>

/** What a delta is written in. All but `f32` lose something, which the site adds to its next delta (docs/aggregation.md). */
export const encoding = z.union([z.literal('f32'), z.literal('bf16'), z.literal('int8')])
export type Encoding = z.infer<typeof encoding>

/** Guards of the aggregation beside `maxNorm` and `maxShare`. */
export const guards = z.strictObject({
  /**
   * A delta longer than `factor` times the median length is scaled down to that; `off` is for experiments.
   */
  adaptiveNorm: z
    .union([
      z.literal('off'),
      z.strictObject({
        /** Of sites whose sizes span 94-fold, as those of eight hospitals did, steps span √94 ≈ 10: about 3 on each side of the middle. */
        factor: z.number().min(1).max(1000).default(3),
        /** Earlier rounds that the median looks at as well, so that a round of two sites has a middle. */
        rounds: z.int().min(0).max(20).default(3),
      }),
    ])
    .prefault({}),
})
export type Guards = z.infer<typeof guards>
