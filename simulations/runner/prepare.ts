/** @file Writes a run's tiles: `OUT/sites/SITE/{train,test}/CLASS/*.png`, `OUT/teacher/CLASS/*.png`, and all training tiles in one place. */
import { link, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DemoConfig } from './config.ts'
import { commonScale, type Scale } from './cut.ts'
import { drawnTiles, planRun, type RunPlan } from './plan.ts'
import type { ProcessSet } from './processes.ts'
import { collectTiles, type SourceTile } from './source-tiles.ts'
import type { TileOrder } from './tasks.ts'
import { countCodes, writeTiles } from './write-tiles.ts'

/** Tiles of one folder, by class. `groups`: of each tile, in the order in which the folder is read. */
export interface PreparedTiles {
  /** Below OUT. */
  readonly dir: string
  readonly counts: readonly number[]
  readonly groups: readonly string[]
}

export interface PreparedSite {
  readonly name: string
  readonly train: PreparedTiles
  readonly test: PreparedTiles
}

export interface Prepared {
  readonly classes: readonly string[]
  readonly sites: readonly PreparedSite[]
  readonly teacher: PreparedTiles
  readonly teacherClasses: readonly string[]
  /** All training tiles of all sites, for the centralised arm. */
  readonly pooledDir: string
  readonly scale: Scale
  /** Files with the bytes of another one, left out. */
  readonly duplicates: number
  /** Files that are no tile, by code. */
  readonly skipped: Readonly<Record<string, number>>
}

/**
 * @throws {TesseraError} As {@link collectTiles} and {@link planRun}; ERR_DATA_TOO_MANY_BAD.
 */
export async function prepare(
  out: string,
  config: DemoConfig,
  processes: ProcessSet,
  onProgress: (done: number, total: number) => void,
): Promise<Prepared> {
  const { plan, duplicates } = await makePlan(config)
  const scale = await commonScale(allTiles(plan), config.tilePx)
  const orders = ordersOf(plan)
  for (const dir of ['sites', 'teacher', 'pooled']) await rm(join(out, dir), { recursive: true, force: true })

  const codes = await writeTiles(out, { ...config, scale }, orders, processes, onProgress)
  const written = orders.filter((_, i) => codes[i] === '')
  await pool(out, plan, written)
  const tilesIn = (dir: string, classes = plan.classes): PreparedTiles => {
    const own = written.filter(({ to }) => to.startsWith(`${dir}/`))
    const inOrder = classes.flatMap((label) => own.filter((order) => order.label === label))
    return {
      dir,
      counts: classes.map((label) => own.filter((order) => order.label === label).length),
      groups: inOrder.map(({ group }) => group),
    }
  }
  return {
    classes: plan.classes,
    sites: plan.sites.map(({ name }) => ({
      name,
      train: tilesIn(`sites/${name}/train`),
      test: tilesIn(`sites/${name}/test`),
    })),
    teacher: tilesIn('teacher', plan.teacherClasses),
    teacherClasses: plan.teacherClasses,
    pooledDir: 'pooled',
    scale,
    duplicates,
    skipped: countCodes(codes),
  }
}

async function makePlan(config: DemoConfig): Promise<{ plan: RunPlan; duplicates: number }> {
  if (config.data.length === 0) {
    const { tiles, teacher } = drawnTiles(config)
    return { plan: planRun(tiles, teacher, config), duplicates: 0 }
  }
  const seen = new Set<string>()
  const teacher = await collectTiles(config.teacherData, teacherFilter(config), seen)
  const data = await collectTiles(config.data, config.classes, seen)
  return {
    plan: planRun(data.tiles, teacher.tiles, config),
    duplicates: data.duplicates + teacher.duplicates,
  }
}

/** The teacher's data have the study's classes unless others are named. */
const teacherFilter = ({ classes, teacherClasses }: DemoConfig): readonly string[] =>
  teacherClasses.length > 0 ? teacherClasses : classes

interface PlacedOrder extends TileOrder {
  readonly group: string
}

const allTiles = (plan: RunPlan): SourceTile[] => [
  ...plan.teacher,
  ...plan.sites.flatMap((site) => [...site.train, ...site.test]),
]

/** Numbered by class: names say nothing, and their order is the order of reading. */
function ordersOf(plan: RunPlan): PlacedOrder[] {
  const place = (
    tiles: readonly SourceTile[],
    dir: string,
    site: number | null,
    classes = plan.classes,
  ): PlacedOrder[] =>
    classes.flatMap((label) =>
      tiles
        .filter((tile) => tile.label === label)
        .map(({ picture, group }, i) => ({
          label,
          picture,
          site,
          group,
          to: `${dir}/${label}/${String(i).padStart(5, '0')}.png`,
        })),
    )
  return [
    ...place(plan.teacher, 'teacher', null, plan.teacherClasses),
    ...plan.sites.flatMap(({ name, train, test }, i) => [
      ...place(train, `sites/${name}/train`, i),
      ...place(test, `sites/${name}/test`, i),
    ]),
  ]
}

/** Hard links: the same tiles under one roof, without a second copy. */
async function pool(out: string, plan: RunPlan, written: readonly PlacedOrder[]): Promise<void> {
  for (const label of plan.classes) await mkdir(join(out, 'pooled', label), { recursive: true })
  for (const { to, label } of written) {
    const match = /^sites\/([^/]+)\/train\/.*\/([^/]+)$/.exec(to)
    if (match !== null) await link(join(out, to), join(out, 'pooled', label, `${match[1]}-${match[2]}`))
  }
}
