/** @file A study's curves for TensorBoard and MLflow: what its sites have told, by site, and all together. */
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeDurably } from '@tessera/shared/files'
import {
  mlflowFiles,
  type Point,
  type Series,
  type TrackedStudy,
  tensorboardFile,
} from '@tessera/shared/tracking'
import { loadCoordinator } from '../config.ts'
import { contributors, isOver, type Round } from '../rounds/index.ts'
import { readEvents } from '../store/index.ts'
import { type CountedTiles, type JudgedRound, studyMetrics } from './metrics.ts'
import { findStudy, replayStudy } from './replay.ts'

/** The run of all sites together; a site's name has no dot. */
const ALL = 'all.sites'

/**
 * Gives the curves of a study: training as its sites told it, and judgements of its students. What a policy withholds has no point.
 * @throws {TesseraError} ERR_STUDY_UNKNOWN, ERR_CONFIG_INVALID, ERR_STORE_CORRUPT
 */
export async function trackStudy(options: { dir: string; study: string }): Promise<TrackedStudy> {
  await loadCoordinator(options.dir)
  const events = await readEvents(options.dir)
  const created = findStudy(events, options.study)
  const { state, ended } = replayStudy(created, events)
  const published = ended.filter(({ end }) => end?.record)
  const { rounds: judged } = await studyMetrics(options)
  const runs = new Map<string, Map<string, Point[]>>()
  const add = (run: string, name: string, point: Omit<Point, 'value'>, value: number | null): void => {
    if (value === null || !Number.isFinite(value)) return
    const series = runs.get(run) ?? new Map<string, Point[]>()
    runs.set(run, series)
    series.set(name, [...(series.get(name) ?? []), { ...point, value }])
  }
  for (const round of published) addTraining(round, add)
  const closedAtMs = new Map(published.map(({ round, end }) => [round, end?.closedAtMs ?? created.atMs]))
  for (const round of judged) addJudged(round, closedAtMs.get(round.round) ?? created.atMs, add)
  return {
    study: created.study.id,
    createdAtMs: created.atMs,
    endedAtMs: isOver(state.phase) ? (published.at(-1)?.end?.closedAtMs ?? created.atMs) : null,
    settings: new Map(flat('', created.study)),
    runs: [...runs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, series]) => ({ name, series })),
  }
}

type Add = (run: string, name: string, point: Omit<Point, 'value'>, value: number | null) => void

function addTraining(round: Round, add: Add): void {
  const atMs = round.end?.closedAtMs ?? round.openedAtMs
  const point = { step: round.round, atMs }
  let [samples, told, sum] = [0, 0, 0]
  const sites = contributors(round)
  for (const site of sites) {
    const update = round.accepted.get(site)
    if (update === undefined) continue
    add(site, 'training/loss', point, update.loss)
    add(site, 'training/samples', point, update.samples)
    add(site, 'training/norm', point, update.norm)
    samples += update.samples
    if (update.loss === null) continue
    told += update.samples
    sum += update.samples * update.loss
  }
  add(ALL, 'training/loss', point, told === 0 ? null : sum / told)
  add(ALL, 'training/samples', point, samples)
  add(ALL, 'training/sites', point, sites.length)
  add(ALL, 'training/seconds', point, (atMs - round.openedAtMs) / 1000)
}

function addJudged({ round, sites, pooled }: JudgedRound, atMs: number, add: Add): void {
  const point = { step: round, atMs }
  const addScores = (run: string, counted: CountedTiles | null): void => {
    if (counted === null) return
    add(run, 'judged/tiles', point, counted.tiles)
    for (const [name, score] of Object.entries(counted.scores)) add(run, `judged/${name}`, point, score)
  }
  for (const { site, counted } of sites) addScores(site, counted)
  addScores(ALL, pooled)
}

/** `training.rounds` and so on; lists as JSON. */
function flat(prefix: string, value: unknown): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[prefix, typeof value === 'string' ? value : JSON.stringify(value)]]
  return Object.entries(value).flatMap(([name, inner]) =>
    flat(prefix === '' ? name : `${prefix}.${name}`, inner),
  )
}

/** Writes an event file a run below `folder`, over earlier ones; gives their number. @throws {TesseraError} ERR_STORE_WRITE */
export async function writeTensorboard(folder: string, tracked: TrackedStudy): Promise<number> {
  const { study, createdAtMs, runs } = tracked
  for (const { name, series } of runs) {
    // A name of its own time, as TensorBoard's: the same each time, so that the newer one takes the older one's place.
    const file = `events.out.tfevents.${Math.floor(createdAtMs / 1000)}.tessera`
    await writeDurably(join(folder, study, name, file), tensorboardFile(series, createdAtMs), 0o644)
  }
  return runs.length
}

/** Writes an experiment below the tracking folder, over an earlier one of the study; gives the number of its runs. @throws {TesseraError} ERR_STORE_WRITE */
export async function writeMlflow(folder: string, tracked: TrackedStudy): Promise<number> {
  for (const [path, text] of mlflowFiles(tracked, pathToFileURL(resolve(folder)).href))
    await writeDurably(join(folder, path), text, 0o644)
  return tracked.runs.length
}

/** Points in all curves. */
export function pointsOf({ runs }: TrackedStudy): number {
  const count = (series: Series): number =>
    [...series.values()].reduce((sum, points) => sum + points.length, 0)
  return runs.reduce((sum, { series }) => sum + count(series), 0)
}
