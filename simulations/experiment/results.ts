/** @file The end of an experiment: everything measured, as results.json and results.csv, and a table for people. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '@tessera/shared/files'
import { type ArmScores, BOOTSTRAP, scoreArm } from '../runner/scores.ts'
import type { CellResult } from './cell-store.ts'
import { csvText } from './csv.ts'
import { testedSites, tilesInOrder } from './deal.ts'
import { type AnsweredCell, examplesOf } from './examples.ts'
import type { PlannedCell } from './plan.ts'
import { splitName } from './read.ts'
import { reportPage } from './report/page.ts'
import type { Run } from './run.ts'
import { summaries, summaryTable } from './summary.ts'
import type { TileStore } from './tile-store.ts'

/** A finished cell, scored. */
export interface CellRow {
  readonly name: string
  readonly key: string
  readonly kind: string
  readonly split: string
  readonly sites: number
  readonly seed: string
  readonly method: string | null
  readonly scenario: string
  /** That trains alone. */
  readonly site: string | null
  /** Null for a teacher of other classes. */
  readonly scores: ArmScores | null
  readonly result: Omit<CellResult, 'answers'>
}

/** results.json. */
export interface ExperimentResults {
  readonly format: 'tessera-experiment'
  readonly version: 1
  readonly experiment: object
  readonly versions: Readonly<Record<string, string>>
  readonly classes: readonly string[]
  readonly teacherClasses: readonly string[]
  readonly tiles: object
  readonly deals: readonly object[]
  readonly bootstrap: object
  readonly wallSeconds: number
  readonly cells: readonly CellRow[]
}

export interface ResultsInput {
  readonly run: Run
  readonly tiles: TileStore
  readonly planned: readonly PlannedCell[]
  readonly machine: string
  readonly wallSeconds: number
}

/** Writes results.json, results.csv and report.html into OUT, and gives the table's text. */
export async function writeResults(input: ResultsInput): Promise<string> {
  const { run, tiles, planned } = input
  const { experiment } = run.read
  const cells: CellRow[] = []
  const answered: AnsweredCell[] = []
  for (const plan of planned) {
    const result = await run.store.read(plan.key)
    if (result === null || plan.cell === null) continue
    cells.push(rowOf(plan, result, tiles.classes))
    answered.push({ plan, answers: result.answers })
  }
  const examples = await examplesOf(answered, tiles.classes, experiment.data)
  const results: ExperimentResults = {
    format: 'tessera-experiment',
    version: 1,
    experiment,
    versions: {
      tessera: await ownVersion(),
      node: process.version,
      engine: run.engine.description,
      machine: input.machine,
    },
    classes: tiles.classes,
    teacherClasses: tiles.teacherClasses,
    tiles: {
      count: tiles.tiles.length,
      scale: tiles.scale,
      duplicatesLeftOut: tiles.duplicates,
      skippedFiles: tiles.skipped,
    },
    deals: dealsOf(planned, tiles.classes),
    bootstrap: { ...BOOTSTRAP, unit: 'group' },
    wallSeconds: input.wallSeconds,
    cells,
  }
  await writeDurably(join(run.out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`, 0o644)
  await writeDurably(join(run.out, 'results.csv'), csvText(cells), 0o644)
  await writeDurably(join(run.out, 'report.html'), reportPage(results, examples), 0o644)
  return summaryTable(summaries(cells))
}

function rowOf(
  { key, cell, variant, deal }: PlannedCell,
  stored: CellResult,
  classes: readonly string[],
): CellRow {
  const { answers, ...result } = stored
  const bySite = testedSites(deal.sites).map(({ name, test }, i) => ({
    site: name,
    truth: answers[i]?.truth ?? [],
    predicted: answers[i]?.predicted ?? [],
    groups: tilesInOrder(test, classes).map(({ group }) => group),
  }))
  return {
    name: cell?.name ?? '',
    key,
    kind: cell?.kind ?? 'teacher',
    split: splitName(variant.split),
    sites: deal.sites.length,
    seed: variant.seed,
    method: cell?.method ?? null,
    scenario: cell?.scenario.name ?? '',
    site: cell?.site ?? null,
    scores: answers.length === 0 ? null : scoreArm(bySite, classes.length, `${variant.name}/bootstrap`),
    result,
  }
}

/** What each seed and split dealt out: tiles by class, once for each deal. */
function dealsOf(planned: readonly PlannedCell[], classes: readonly string[]): object[] {
  const seen = new Map(planned.map(({ variant, deal }) => [variant.name, deal]))
  const counts = (tiles: readonly { readonly label: string }[]): number[] =>
    classes.map((name) => tiles.filter(({ label }) => label === name).length)
  return [...seen].map(([name, { sites, teacher }]) => ({
    name,
    sites: sites.map((site) => ({ name: site.name, train: counts(site.train), test: counts(site.test) })),
    teacherTiles: teacher.length,
  }))
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
