/**
 * @file A study's methods that compare feature maps; docs/methods.md has what they minimise.
 *
 * Weights are those of the common comparison code: RepDistiller's `run_cifar_distill.sh` (`kl` 0) for the first three, the authors' own
 * `run_distill.sh` for the last two; `klTemperature` as there.
 */
import { z } from 'zod'
import { termWeights, weight } from './term-weights.ts'

const positive = z.number().positive()

const fitnet = z.strictObject({
  name: z.literal('fitnet'),
  weights: termWeights({ hint: weight.default(100) }),
  klTemperature: positive.default(4),
  /** The stage whose map is the hint, of four; the code's `hint_layer` counts the stem as 0. */
  stage: z.int().min(1).max(4).default(2),
  /** Whether the regressor ends with a ReLU, as the code's does. An EfficientNet's maps are negative, too, where it cannot follow. */
  relu: z.boolean().default(true),
})
const attentionTransfer = z.strictObject({
  name: z.literal('attention-transfer'),
  weights: termWeights({ attention: weight.default(1000) }),
  klTemperature: positive.default(4),
})
const vid = z.strictObject({
  name: z.literal('vid'),
  weights: termWeights({ vid: weight.default(1) }),
  klTemperature: positive.default(4),
})
const semckd = z.strictObject({
  name: z.literal('semckd'),
  weights: termWeights({ kl: weight.default(1), semckd: weight.default(400) }),
  klTemperature: positive.default(4),
  /** Of the softmax over the teacher's stages. */
  temperature: positive.default(1),
})
const simkd = z.strictObject({
  name: z.literal('simkd'),
  weights: termWeights({ ce: weight.default(0), simkd: weight.default(1) }),
  klTemperature: positive.default(4),
  /** The projector's inner width is the teacher's feature width divided by it. */
  factor: z.int().positive().max(64).default(2),
})
export const mapMethod = z.discriminatedUnion('name', [fitnet, attentionTransfer, vid, semckd, simkd])
export type MapMethod = z.infer<typeof mapMethod>

/** True for a method that reads the teacher's feature maps. */
export function isMapMethod(method: { readonly name: string }): method is MapMethod {
  return mapMethod.options.some(({ shape }) => shape.name.value === method.name)
}
