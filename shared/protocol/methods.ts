/** @file The methods of a study: what is minimised at a site (docs/methods.md). */
import { z } from 'zod'
import { mapMethod } from './map-methods.ts'
import { termWeights, weight } from './term-weights.ts'

const positive = z.number().positive()
const fraction = z.number().min(0).max(1)

/** Order of the losses' weights: L = ce·CE + kl·T²·KL + nce·NCE. */
export const moma = z.strictObject({
  name: z.literal('moma'),
  weights: z
    .strictObject({
      ce: z.number().min(0).default(1),
      kl: z.number().min(0).default(1),
      nce: z.number().min(0).default(1),
    })
    .prefault({}),
  featureDim: z.int().positive().max(8192).default(512),
  heads: z.int().positive().max(64).default(4),
  queueSize: z
    .int()
    .positive()
    .max(1 << 20)
    .default(16_384),
  temperature: positive.default(0.15),
  klTemperature: positive.default(4),
  momentum: fraction.default(0.999),
  /**
   * Over the batch. `self`: the published code's three, one each for query, key and queue. `shared`: key and queue pass through one, so that they
   * cannot be told from each other without telling tiles apart (docs/fidelity.md). `none`: the heads' outputs as they are.
   */
  attention: z.enum(['self', 'shared', 'none']).default('self'),
  /** What a tile is told apart from: the queue, or the batch's other keys (then there is no queue). */
  negatives: z.enum(['queue', 'batch']).default('queue'),
})
export const kd = z.strictObject({
  name: z.literal('kd'),
  weights: z
    .strictObject({ ce: z.number().min(0).default(1), kl: z.number().min(0).default(1) })
    .prefault({}),
  klTemperature: positive.default(4),
})
export const ce = z.strictObject({ name: z.literal('ce') })
/**
 * Methods that compare features. Their weights are those of RepDistiller's `run_cifar_distill.sh`, which has no KL term (`kl` 0) unless asked;
 * `ce` and `klTemperature` as there.
 */
export const sp = z.strictObject({
  name: z.literal('sp'),
  weights: termWeights({ sp: weight.default(3000) }),
  klTemperature: positive.default(4),
})
export const rkd = z.strictObject({
  name: z.literal('rkd'),
  weights: termWeights({ distance: weight.default(25), angle: weight.default(50) }),
  klTemperature: positive.default(4),
})
export const crd = z.strictObject({
  name: z.literal('crd'),
  weights: termWeights({ crd: weight.default(0.8) }),
  klTemperature: positive.default(4),
  featureDim: z.int().positive().max(8192).default(128),
  /** Tiles that each batch is told apart from; all of the site's, when it has fewer. */
  negatives: z
    .int()
    .positive()
    .max(1 << 20)
    .default(16_384),
  temperature: positive.default(0.07),
  /** Share of a tile's old row in its new one. */
  memoryMomentum: fraction.default(0.5),
})
export const method = z.discriminatedUnion('name', [moma, kd, ce, sp, rkd, crd, ...mapMethod.options])
export type Method = z.infer<typeof method>
export type MomaMethod = z.infer<typeof moma>
export type CrdMethod = z.infer<typeof crd>
