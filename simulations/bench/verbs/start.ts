/**
 * @file The verb `start`: what a file of weights is worth as a start for teacher and student, on real tiles. Each seed deals the tiles out anew, trains
 * all arms in one place, one after the other, and tests them on the same tiles.
 */
import { join, resolve } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import { createProgress } from '@tessera/shared/stage-progress'
import { catchStop } from '@tessera/shared/until-stopped'
import { completeConfig, type DataFolder } from '../../runner/config.ts'
import { createProcessSet } from '../../runner/processes.ts'
import { readStart } from '../../runner/start.ts'
import { runTask, type Task, type TaskProgress, type TaskResults } from '../../runner/tasks.ts'
import { describeMachine } from '../report/machine.ts'
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

/** @throws {TesseraError} As the demo: ERR_CONFIG_INVALID, ERR_DATA_…, ERR_MODEL_FILE; ERR_INTERRUPTED when stopped. */
export async function measureStart(flags: StartFlags): Promise<void> {
  const { seeds: count, out, start: file, tile: tilePx, ...given } = flags
  const start = await readStart(file)
  const settings = { ...given, tilePx, queue: QUEUE, partition: 'iid', sites: SITES }
  const configs = Array.from({ length: count }, (_, i) =>
    completeConfig({ ...settings, start, seed: `start/${i + 1}` }, false),
  )
  const { signal } = catchStop()
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
  const seeds: SeedResult[] = []
  try {
    for (const [i, config] of configs.entries()) {
      const seed = await runSeed({
        config,
        out: join(resolve(out), `seed-${i + 1}`),
        processes,
        work: (task, onProgress) => workHere(task, onProgress, signal),
        clock: systemClock,
        onStart: (arm) => progress.start(title(i, arm)),
        onProgress: (arm, { done, total, round = 0, loss = Number.NaN }) =>
          progress.report(title(i, arm), {
            done: done / total,
            text: `epoch ${round}, loss ${loss.toFixed(2)}`,
          }),
        onFinish: (arm, seconds, kept) => progress.finish(title(i, arm), seconds, kept),
      })
      seeds.push(seed)
    }
  } finally {
    progress.close()
    await processes.stopAll()
  }
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

/** A task in this process; a stop is heard at its next step. */
async function workHere<T extends Task>(
  task: T,
  onProgress: (progress: TaskProgress) => void,
  signal: AbortSignal,
): Promise<TaskResults[T['kind']]> {
  const goOn = (): void => {
    if (signal.aborted)
      throw new TesseraError(
        'ERR_INTERRUPTED',
        'run must go on to its end, got a stop: the same command goes on',
      )
  }
  goOn()
  const result = await runTask(task, (progress) => {
    goOn()
    onProgress(progress)
  })
  return result as TaskResults[T['kind']]
}
