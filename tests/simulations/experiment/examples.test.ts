import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { PlacedTile } from '../../../simulations/experiment/deal.ts'
import { drawnTiles, repaint } from '../../../simulations/experiment/drawn-tiles.ts'
import {
  type AnsweredCell,
  type Asked,
  chooseTiles,
  examplesOf,
} from '../../../simulations/experiment/examples.ts'
import { experiment } from '../../../simulations/experiment/schema.ts'

const CLASSES = ['grade-1', 'grade-3']
const { data } = experiment.parse({
  name: 'x',
  data: { procedural: { hospitals: 2, patients: 8, tilesPerPatient: 1 }, classes: CLASSES, tilePx: 24 },
  splits: [{ by: 'folder' }],
  seeds: [1],
  methods: { ce: { name: 'ce' } },
  arms: [{ kind: 'central', methods: ['ce'] }],
  training: { rounds: 1 },
})
const TILES: PlacedTile[] = drawnTiles(data).map((tile, index) => ({ ...tile, index }))
const REAL: PlacedTile[] = TILES.map((tile) => ({
  ...tile,
  picture: { kind: 'file', path: '/nowhere/person.png', micronsPerPx: null, sha256: '0'.repeat(64) },
}))

/** Cells of one seed on the tiles of two hospitals; each answers what `predict` says. */
function answered(
  tiles: readonly PlacedTile[],
  cells: readonly { kind: string; site?: string; seed?: string; predict: (truth: number) => number }[],
): AnsweredCell[] {
  const sites = ['hospital-1', 'hospital-2'].map((name) => ({
    name,
    train: [],
    test: tiles.filter(({ site }) => site === name),
  }))
  return cells.map(({ kind, site = null, seed = '1', predict }) => ({
    plan: {
      cell: { kind, method: 'ce', site, scenario: { name: 'calm' } },
      variant: { name: `folder/seed-${seed}`, split: { by: 'folder' }, sites: null, seed },
      deal: { sites, teacher: [] },
    } as unknown as AnsweredCell['plan'],
    answers: sites.map(({ test }) => {
      const truth = CLASSES.flatMap((name, i) => test.filter(({ label }) => label === name).map(() => i))
      return { truth, predicted: truth.map(predict) }
    }),
  }))
}

describe('examplesOf()', () => {
  test('shows painted tiles with what every arm says, of a site alone what the tile’s own site says', async () => {
    const [examples, ...others] = await examplesOf(
      answered(TILES, [
        { kind: 'alone', site: 'hospital-1', predict: () => 0 },
        { kind: 'alone', site: 'hospital-2', predict: () => 1 },
        { kind: 'federated', predict: (truth) => truth },
        { kind: 'federated', seed: '2', predict: (truth) => 1 - truth },
      ]),
      CLASSES,
      data,
    )
    expect(others).toEqual([])
    expect(examples).toMatchObject({ split: 'folder', sites: 2, seed: '1' })
    expect(examples?.tiles.map(({ truth }) => truth)).toEqual([0, 0, 0, 0, 1, 1, 1, 1])
    const [alone, federated] = examples?.arms ?? []
    expect([alone?.title, federated?.title]).toEqual(['alone ce', 'federated ce'])
    expect(federated?.answers).toEqual(examples?.tiles.map(({ truth }) => truth))
    expect(alone?.answers).toEqual(examples?.tiles.map(({ site }) => (site === 'hospital-1' ? 0 : 1)))
  })
  test('paints the tile of its row: the bytes of the request', async () => {
    const [examples] = await examplesOf(
      answered(TILES, [{ kind: 'federated', predict: (truth) => truth }]),
      CLASSES,
      data,
    )
    const first = TILES.find(({ label, site }) => label === 'grade-1' && site === 'hospital-1')
    expect(examples?.tiles[0]?.png).toEqual(await repaint(first as PlacedTile, data))
    const { width, height, format } = await sharp(examples?.tiles[0]?.png).metadata()
    expect([width, height, format]).toEqual([24, 24, 'png'])
  })
  test('shows nothing of an experiment on files, and no file among painted tiles', async () => {
    const { procedural: _, ...noPainting } = data
    const cells = answered(REAL, [{ kind: 'federated', predict: (truth) => truth }])
    expect(await examplesOf(cells, CLASSES, noPainting)).toEqual([])
    expect((await examplesOf(cells, CLASSES, data))[0]?.tiles).toEqual([])
    expect((await examplesOf(cells, CLASSES, data))[0]?.arms[0]?.answers).toEqual([])
  })
})

describe('chooseTiles()', () => {
  const asked = (index: number, truth: number, answers: (number | null)[]): Asked => ({
    tile: TILES[index] as PlacedTile,
    site: 'hospital-1',
    truth,
    answers,
  })
  test('takes those that arms differ on, of each class by turns', () => {
    const all = [
      asked(0, 0, [0, 0, 0]),
      asked(1, 0, [0, 1, 0]),
      asked(2, 0, [1, 1, 1]),
      asked(3, 1, [1, 1, null]),
      asked(4, 1, [0, 1, null]),
    ]
    const chosen = (count: number): number[] =>
      chooseTiles(all, count).map(({ tile }) => all.findIndex((one) => one.tile === tile))
    expect(chosen(2)).toEqual([1, 4])
    expect(chosen(3)).toEqual([1, 0, 4])
    expect(chosen(9)).toEqual([1, 0, 2, 4, 3])
  })
})
