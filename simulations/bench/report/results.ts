/** @file The file of a contest's results: everything measured, and on what. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { pairedRatio, rateOf, type Spread, spreadOf } from '../contest/ratios.ts'
import type { Performance } from '../contest/referee.ts'
import { machine } from './machine.ts'

const spread = z.strictObject({
  median: z.number().positive(),
  min: z.number().positive(),
  max: z.number().positive(),
})

const contender = z.strictObject({
  name: z.string(),
  versions: z.record(z.string(), z.string()),
  /** Until the end of the warm-up. */
  startSeconds: z.number().nonnegative(),
  /** Seconds of each step of each slot. */
  slots: z.array(z.array(z.number().nonnegative()).nonempty()).nonempty(),
  /** Images, tiles or bytes of updates a second, over the slots. */
  rate: spread,
  /** Share of the time that a training step waited for its tiles. */
  waitedShare: z.number().min(0).max(1).optional(),
  /** Median seconds of the parts of a step. */
  parts: z.record(z.string(), z.number().nonnegative()).optional(),
  /** Processor seconds a step, of each kind of process. */
  processor: z.record(z.string(), z.number().nonnegative()).optional(),
  peakBytes: z.number().positive(),
  stepPeakBytes: z.number().positive().nullable(),
})

const ratio = z.strictObject({
  of: z.string(),
  to: z.string(),
  /** Rate of the one over that of the other, round by round. */
  speed: spread,
  /** Peak memory of the one over that of the other. */
  memory: z.number().positive(),
})

const contest = z.strictObject({
  /** What one step is, for instance `16×128²`. */
  label: z.string(),
  /** Images or tiles in a step; bytes of all updates in a federation's round. */
  perStep: z.int().positive(),
  contenders: z.array(contender).nonempty(),
  ratios: z.array(ratio),
})
export type ContestResult = z.infer<typeof contest>

/** The whole file. */
export const results = z.strictObject({
  format: z.literal('tessera-bench'),
  version: z.literal(1),
  kind: z.enum(['engine', 'evaluate', 'data', 'aggregation', 'federation']),
  date: z.iso.datetime(),
  machine,
  /** Settings that decide the figures. */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  contests: z.array(contest).nonempty(),
  /** Contenders that were not installed. */
  absent: z.array(z.string()).optional(),
})
export type Results = z.infer<typeof results>

/** What a contest showed. Ratios are of each contender to each of `bases` that took part, itself left out. */
export function contestResult(
  label: string,
  perStep: number,
  performances: readonly Performance[],
  bases: readonly string[],
): ContestResult {
  const rates = new Map(
    performances.map(({ name, slots }) => [name, slots.map((seconds) => rateOf(seconds, perStep))]),
  )
  const rateOfName = (name: string): number[] => rates.get(name) ?? []
  const present = performances.filter(({ name }) => bases.includes(name))
  return contest.parse({
    label,
    perStep,
    contenders: performances.map((performance) => {
      const { warmUpLosses: _losses, ...kept } = performance
      return { ...kept, rate: spreadOf(rateOfName(performance.name)) }
    }),
    ratios: performances.flatMap((one) =>
      present
        .filter((base) => base !== one && !bases.includes(one.name))
        .map((base) => ({
          of: one.name,
          to: base.name,
          speed: pairedRatio(rateOfName(one.name), rateOfName(base.name)) satisfies Spread,
          memory: one.peakBytes / base.peakBytes,
        })),
    ),
  })
}

/** Writes the file, its folder too. */
export async function writeResults(path: string, given: Results): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `${JSON.stringify(results.parse(given), null, 2)}\n`)
}
