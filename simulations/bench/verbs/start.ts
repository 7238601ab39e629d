/**
 * @file The verb `start`: what a file of weights is worth as a start for teacher and student, on real tiles. Each seed deals the tiles out anew, trains
 * all arms in one place, one after the other, and tests them on the same tiles.
 */
import { join, resolve } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { writeDurably } from '@tessera/shared/files'
import { completeConfig, type DataFolder } from '../../runner/config.ts'
import { createProcessSet, threadsOf } from '../../runner/processes.ts'
import { createProgress } from '../../runner/progress.ts'
import { type Job, runJobs } from '../../runner/schedule.ts'
import { readStart } from '../../runner/start.ts'
import { describeMachine } from '../report/machine.ts'
import { stopSignal } from '../screen.ts'
import { START_ARMS } from '../start/arms.ts'
import { runSeed, type SeedResult } from '../start/seed.ts'
import { startTable } from '../start/table.ts'

export interface StartFlags {
  readonly data: readonly DataFolder[]
  readonly start: string
  readonly classes?: readonly string[]
  readonly tile: number
  readonly testShare: number
  readonly rounds: number
  readonly teacherEpochs: number
  readonly batch: number
  readonly seeds: number
  readonly out: string
}

/** Below the tiles of an epoch, as the paper's is: else a tile would be told apart from its own features of the epoch before. */
const QUEUE = 128
/** The demo deals out to two sites or more; here all their tiles are put together again. */
const SITES = 2
/** A step's passes through the network: forward and twice as much backward; with MoMA the teacher's logits and keys. */
const WORK = { alone: 3, taught: 5 }

/** Seeds that train at the same time: so small a step does not fill two cores. */
const LANES = 2

/** @throws {TesseraError} As the demo: ERR_CONFIG_INVALID, ERR_DATA_…, ERR_MODEL_FILE; ERR_INTERRUPTED when stopped. */
export async function measureStart(flags: StartFlags): Promise<void> {
  const { seeds: count, out, start: file, tile: tilePx, ...given } = flags
  const start = await readStart(file)
  const settings = { ...given, tilePx, queue: QUEUE, partition: 'iid', sites: SITES }
  const configs = Array.from({ length: count }, (_, i) =>
    completeConfig({ ...settings, start, seed: `start/${i + 1}` }, false),
  )
  const signal = stopSignal()
  const processes = createProcessSet()
  signal.addEventListener('abort', () => void processes.stopAll())
  const machine = describeMachine()
  const screen = {
    write: (text: string) => void process.stderr.write(text),
    columns: process.stderr.isTTY ? process.stderr.columns : null,
  }
  const title = (seed: number, arm: string): string => `${seed + 1} ${arm}`
  const views = configs.flatMap((_, i) => [
    { name: title(i, 'tiles'), title: title(i, 'tiles'), work: 0 },
    ...START_ARMS.map(({ name, teacherFrom }) => ({
      name: title(i, name),
      title: title(i, name),
      work: teacherFrom === null ? WORK.alone : WORK.taught,
    })),
  ])
  const progress = createProgress(views, screen, systemClock)
  const found = new Map<number, SeedResult>()
  const jobs = configs.map(
    (config, i): Job => ({
      name: config.seed,
      needs: [],
      run: async () => {
        const seed = await runSeed({
          config,
          out: join(resolve(out), `seed-${i + 1}`),
          processes,
          clock: systemClock,
          onStart: (arm) => progress.start(title(i, arm)),
          onProgress: (arm, { done, total, round = 0, loss = Number.NaN }) =>
            progress.report(title(i, arm), {
              done: done / total,
              text: `epoch ${round}, loss ${loss.toFixed(2)}`,
            }),
          onFinish: (arm, seconds, kept) => progress.finish(title(i, arm), seconds, kept),
        })
        found.set(i, seed)
      },
    }),
  )
  // Workers take their share from the environment.
  process.env.TESSERA_THREADS = threadsOf(LANES, process.env.TESSERA_THREADS)
  try {
    await runJobs(jobs, LANES)
  } finally {
    progress.close()
    await processes.stopAll()
  }
  const seeds = configs.flatMap((_, i) => found.get(i) ?? [])
  const { file: _, ...weights } = start
  const { data: __, ...kept } = settings
  const result = { date: new Date().toISOString(), machine, settings: kept, start: weights, seeds }
  await writeDurably(join(out, 'start.json'), `${JSON.stringify(result, null, 2)}\n`, 0o644)
  process.stdout.write(`\n${seeds.map(seedLine).join('\n')}\n\n`)
  process.stdout.write(startTable(seeds.map(({ matrices }) => matrices)))
  process.stdout.write(
    `\nMeans over ${count} seeds with 95 % intervals. Written: ${join(out, 'start.json')}\n`,
  )
}

const seedLine = ({ seed, engine, tiles }: SeedResult): string =>
  `${seed} on ${engine}: teachers learn from ${tiles.teacher} tiles, students from ${tiles.student}, ${tiles.test} are tested`
