/** @file A whole experiment: tiles, deals, teachers, cells over worker processes, results. What OUT has already is not done again. */
import { mkdir, rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { type Engine, startEngine } from '@tessera/shared/engine'
import { asTesseraError } from '@tessera/shared/errors'
import { createProgress, duration, type Screen } from '@tessera/shared/stage-progress'
import { createProcessSet, type ProcessSet } from '../runner/processes.ts'
import { runJobs } from '../runner/schedule.ts'
import { type CellStore, openCellStore } from './cell-store.ts'
import { type PlannedCell, planCells } from './plan.ts'
import type { ReadExperiment } from './read.ts'
import { writeResults } from './results.ts'
import { runCell } from './run-cell.ts'
import { readStarts, type Starts } from './starts.ts'
import { openTileStore } from './tile-store.ts'

export interface RunOptions {
  readonly read: ReadExperiment
  readonly out: string
  /** Cells at the same time. */
  readonly workers: number
  readonly screen: Screen
  readonly clock: Clock
  /** Stops every process of the run. */
  readonly signal: AbortSignal
}

/** What the cells of a run share. */
export interface Run {
  readonly out: string
  readonly read: ReadExperiment
  readonly starts: Starts
  readonly store: CellStore
  readonly processes: ProcessSet
  readonly engine: Engine
  readonly clock: Clock
}

/**
 * Runs every cell that OUT does not have yet, writes the results and gives the table's text.
 * @throws {TesseraError} ERR_INTERRUPTED when stopped; ERR_CONFIG_INVALID, ERR_DATA_…; what a process failed with.
 */
export async function runExperiment(options: RunOptions): Promise<string> {
  const { workers, screen, clock, signal } = options
  const { experiment, starts } = await readStarts(options.read)
  const read = { ...options.read, experiment }
  const out = resolve(options.out)
  const startedMs = clock.now()
  await mkdir(out, { recursive: true })
  const engine = await startEngine({ threads: read.experiment.threads })
  screen.write(`${read.experiment.name}: ${out}\n${engine.description}\n\n`)
  const processes = createProcessSet()
  const onStop = (): void => void processes.stopAll()
  signal.addEventListener('abort', onStop)
  // Stopped before there was anything to stop.
  if (signal.aborted) onStop()
  try {
    const run = { out, read, starts, store: await openCellStore(out), processes, engine, clock }
    const tiles = await withProgress(options, [{ name: 'tiles', title: 'tiles', work: 1 }], (progress) => {
      progress.start('tiles')
      return openTileStore(out, read, processes, (done, total) =>
        progress.report('tiles', { done: done / total, text: `${done} of ${total}` }),
      ).finally(() => progress.finish('tiles', (clock.now() - startedMs) / 1000, false))
    })
    const planned = await planCells(run, tiles)
    await runCells(run, planned, options, workers)
    const text = await writeResults({
      run,
      tiles,
      planned,
      machine: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} threads`,
      wallSeconds: (clock.now() - startedMs) / 1000,
    })
    return `${text}\n\n${duration((clock.now() - startedMs) / 1000)} in all. Everything measured: ${join(out, 'results.json')}`
  } catch (thrown) {
    const failure = asTesseraError(thrown)
    if (failure.code === 'ERR_INTERRUPTED')
      screen.write('\nStopped. Finished cells are kept: the same command goes on from there.\n\n')
    throw failure
  } finally {
    signal.removeEventListener('abort', onStop)
    await processes.stopAll()
  }
}

type Progress = ReturnType<typeof createProgress>

async function withProgress<T>(
  { screen, clock }: RunOptions,
  views: Parameters<typeof createProgress>[0],
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = createProgress(views, screen, clock)
  try {
    return await work(progress)
  } finally {
    progress.close()
  }
}

async function runCells(
  run: Run,
  planned: readonly PlannedCell[],
  options: RunOptions,
  workers: number,
): Promise<void> {
  const views = planned.map(({ key, title, work }) => ({ name: key, title, work }))
  await withProgress(options, views, async (progress) => {
    const jobs = planned.map((cell) => ({
      name: cell.key,
      needs: cell.teacherKey === null ? [] : [cell.teacherKey],
      async run() {
        const before = await run.store.read(cell.key)
        if (before !== null) return progress.finish(cell.key, before.seconds, true)
        progress.start(cell.key)
        const result = await runCell(run, cell, (report) => progress.report(cell.key, report))
        await run.store.write(cell.key, result)
        progress.finish(cell.key, result.seconds, false)
      },
    }))
    await runJobs(jobs, workers)
  })
  for (const dir of ['federations', 'rounds']) await rm(join(run.out, dir), { recursive: true, force: true })
}
