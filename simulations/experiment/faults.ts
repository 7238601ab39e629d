/** @file Faults by script: what goes wrong at which site in which round. */
import { MAX_SITES } from '@tessera/shared/protocol'
import { z } from 'zod'

/** Which sites and rounds: counted from 0 and from 1. */
const where = {
  sites: z
    .array(
      z
        .int()
        .min(0)
        .max(MAX_SITES - 1),
    )
    .min(1)
    .max(MAX_SITES),
  rounds: z.array(z.int().min(1)).min(1).max(1000),
}

export const fault = z.discriminatedUnion('do', [
  /** The line is cut in the middle of the upload; the site dials again and goes on. */
  z.strictObject({ do: z.literal('drop'), ...where }),
  /** Every frame of the upload takes so long. */
  z.strictObject({ do: z.literal('delay'), ms: z.int().min(1).max(60_000), ...where }),
  /** The agent ends in the middle of the round, and starts again from its folder. */
  z.strictObject({ do: z.literal('kill'), ...where }),
  /** A bit of the first chunk of the upload is turned over on the way. */
  z.strictObject({ do: z.literal('corrupt'), ...where }),
  /** The site lies, well signed: its delta times `times`, or noise as long as its delta. */
  z.strictObject({
    do: z.literal('byzantine'),
    how: z.enum(['scale', 'noise']).default('scale'),
    times: z.number().default(-1),
    ...where,
  }),
])
export type Fault = z.infer<typeof fault>
