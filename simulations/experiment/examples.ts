/** @file Test tiles to look at, with what each arm answered: of drawn tiles only. */
import type { TestResult } from '../runner/tasks.ts'
import { type PlacedTile, testedSites, tilesInOrder } from './deal.ts'
import { repaint } from './drawn-tiles.ts'
import type { PlannedCell } from './plan.ts'
import { splitName } from './read.ts'
import type { Experiment } from './schema.ts'
import { armTitle } from './summary.ts'

/** Examples of one split: its first seed's. */
export interface Examples {
  readonly split: string
  readonly sites: number
  readonly seed: string
  readonly tiles: readonly ExampleTile[]
  readonly arms: readonly ExampleArm[]
}

export interface ExampleTile {
  readonly site: string
  /** Place of the class. */
  readonly truth: number
  readonly png: Uint8Array
}

export interface ExampleArm {
  readonly title: string
  /** Class that it says, a place for each tile; of sites alone, what the tile's own site says. Null where nobody does. */
  readonly answers: readonly (number | null)[]
}

/** A finished cell and its answers on the test tiles of every site. */
export interface AnsweredCell {
  readonly plan: PlannedCell
  readonly answers: TestResult['answers']
}

/** Tiles of a split: a row of them is as wide as a page, and a drawn tile of 64 px is 10 KB of it. */
const MAX_TILES = 12

/** Chooses and paints; none for an experiment on real tiles. */
export async function examplesOf(
  cells: readonly AnsweredCell[],
  classes: readonly string[],
  data: Experiment['data'],
): Promise<Examples[]> {
  if (data.procedural === undefined) return []
  const seed = cells[0]?.plan.variant.seed
  const bySplit = new Map<string, AnsweredCell[]>()
  for (const cell of cells) {
    const { variant } = cell.plan
    if (variant.seed !== seed || cell.answers.length === 0) continue
    bySplit.set(variant.name, [...(bySplit.get(variant.name) ?? []), cell])
  }
  return Promise.all([...bySplit.values()].map((own) => exampleOf(own, classes, data)))
}

async function exampleOf(
  cells: readonly AnsweredCell[],
  classes: readonly string[],
  data: Experiment['data'],
): Promise<Examples> {
  const { deal, variant } = (cells[0] as AnsweredCell).plan
  const arms = new Map<string, AnsweredCell[]>()
  for (const cell of cells) {
    const title = armTitle({
      kind: cell.plan.cell?.kind ?? 'teacher',
      method: cell.plan.cell?.method ?? null,
      scenario: cell.plan.cell?.scenario.name ?? 'calm',
    })
    arms.set(title, [...(arms.get(title) ?? []), cell])
  }
  const asked = testedSites(deal.sites).flatMap(({ name, test }, site) =>
    tilesInOrder(test, classes).map((tile, i): Asked => {
      const answers = [...arms.values()].map((own) => {
        const said = own.find(({ plan }) => (plan.cell?.site ?? name) === name)
        return said?.answers[site]?.predicted[i] ?? null
      })
      return { tile, site: name, truth: classes.indexOf(tile.label), answers }
    }),
  )
  const chosen = chooseTiles(asked, MAX_TILES)
  const painted = await Promise.all(chosen.map(({ tile }) => repaint(tile, data)))
  const shown = chosen.flatMap((one, i) => {
    const png = painted[i]
    return png ? [{ ...one, png }] : []
  })
  return {
    split: splitName(variant.split),
    sites: deal.sites.length,
    seed: variant.seed,
    tiles: shown.map(({ site, truth, png }) => ({ site, truth, png })),
    arms: [...arms.keys()].map((title, arm) => ({
      title,
      answers: shown.map(({ answers }) => answers[arm] ?? null),
    })),
  }
}

/** A test tile and what the arms say of it. */
export interface Asked {
  readonly tile: PlacedTile
  readonly site: string
  readonly truth: number
  readonly answers: readonly (number | null)[]
}

/**
 * The tiles that say most: of each class by turns, those first of which the most answers are of the rarer kind, right or wrong; then in their order.
 * Pure.
 */
export function chooseTiles(asked: readonly Asked[], count: number): Asked[] {
  const disagreement = ({ truth, answers }: Asked): number => {
    const right = answers.filter((answer) => answer === truth).length
    const wrong = answers.filter((answer) => answer !== null && answer !== truth).length
    return Math.min(right, wrong)
  }
  const byClass = new Map<number, Asked[]>()
  for (const one of asked.toSorted((a, b) => disagreement(b) - disagreement(a)))
    byClass.set(one.truth, [...(byClass.get(one.truth) ?? []), one])
  const columns = [...byClass].toSorted(([a], [b]) => a - b).map(([, own]) => own)
  const turns = Array.from({ length: count }, (_, i) => columns.flatMap((own) => own[i] ?? []))
  return turns
    .flat()
    .slice(0, count)
    .toSorted((a, b) => a.truth - b.truth)
}
