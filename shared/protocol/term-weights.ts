/** @file Weights of the terms of a method's loss, as a study gives them. */
import { z } from 'zod'

/** Of one term. */
export const weight: z.ZodNumber = z.number().min(0)

/** Those of a method that compares features: cross-entropy, KL (none unless it is asked for), and its own terms. */
export function termWeights<T extends z.ZodRawShape>(own: T) {
  return z.strictObject({ ce: weight.default(1), kl: weight.default(0), ...own }).prefault({} as never)
}
