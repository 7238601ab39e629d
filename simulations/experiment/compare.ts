/** @file Two finished runs beside each other: what the same arm reached in each, seed by seed. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { meanInterval } from '@tessera/shared/metrics'
import { z } from 'zod'
import type { ExperimentResults } from './results.ts'
import { accuracyPairs, armTitle, inPoints, type Summary, summaries } from './summary.ts'

/** Enough to know that a file is what it is taken for: it was written here. */
const shape = z.looseObject({
  format: z.literal('tessera-experiment'),
  version: z.literal(1),
  cells: z.array(z.looseObject({ seed: z.string(), kind: z.string() })),
})

/** Reads a run's results.json. @param place Its folder, or the file. @throws {TesseraError} ERR_EXPERIMENT_FILE */
export async function readResults(place: string): Promise<ExperimentResults> {
  const file = place.endsWith('.json') ? place : join(place, 'results.json')
  try {
    return shape.parse(JSON.parse(await readFile(file, 'utf8'))) as unknown as ExperimentResults
  } catch (cause) {
    const got = (cause as NodeJS.ErrnoException).code ?? 'another file'
    throw new TesseraError('ERR_EXPERIMENT_FILE', `results must be those of a finished run, got ${got}`, {
      cause,
    })
  }
}

/**
 * A line an arm that both have: accuracy in A and in B, and B − A over the seeds that both have, with its 95 % interval. Cells of the same key are
 * the same bits, and are marked so.
 */
export function compareText(a: ExperimentResults, b: ExperimentResults): string {
  const others = new Map(summaries(b.cells).map((arm) => [keyOf(arm), arm]))
  const lines = summaries(a.cells).flatMap((arm) => {
    const other = others.get(keyOf(arm))
    return other === undefined ? [] : [lineOf(arm, other, sameBits(a, b, keyOf(arm)))]
  })
  if (lines.length === 0)
    throw new TesseraError('ERR_EXPERIMENT_FILE', 'runs must have an arm of the same name, got none')
  return [
    `${'accuracy in %'.padEnd(56)}${'A'.padStart(8)}${'B'.padStart(8)}${'B − A'.padStart(18)}`,
    ...lines,
  ].join('\n')
}

const keyOf = (arm: Pick<Summary, 'split' | 'sites' | 'kind' | 'method' | 'scenario'>): string =>
  `${arm.split}, ${arm.sites} sites: ${armTitle(arm)}`

function sameBits(a: ExperimentResults, b: ExperimentResults, key: string): boolean {
  const keys = ({ cells }: ExperimentResults): string[] =>
    cells.filter((cell) => keyOf(cell) === key).map((cell) => cell.key)
  return keys(a).join() === keys(b).join()
}

function lineOf(arm: Summary, other: Summary, same: boolean): string {
  const number = (x: number): string => (100 * x).toFixed(1)
  const differences = accuracyPairs(arm, other).map(({ a, b }) => b - a)
  const told = same
    ? 'the same cells'
    : differences.length === 0
      ? 'no seed in both'
      : inPoints(meanInterval(differences))
  const name = keyOf(arm).slice(0, 55).padEnd(56)
  return `${name}${number(arm.metrics.accuracy.mean).padStart(8)}${number(other.metrics.accuracy.mean).padStart(8)}${told.padStart(18)}`
}
