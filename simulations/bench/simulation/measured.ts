/** @file What a simulation's process says at its end, ours or a peer's: one JSON object on one line. */
import { z } from 'zod'

export const measured = z.strictObject({
  /** From the start of the process to the end of the first round. */
  firstRoundSeconds: z.number().positive(),
  /** Of each further round. */
  roundSeconds: z.array(z.number().nonnegative()).nonempty(),
  /** Processor seconds of all processes in those further rounds: what else the machine does hardly changes them. */
  processorSeconds: z.number().positive(),
  /** Peak of all processes of the simulation. */
  peakBytes: z.number().positive(),
  version: z.string(),
})
export type Measured = z.infer<typeof measured>
