/** @file The verb `data`: the site's tiles against torchvision's DataLoader, in tiles a second; or how long a training step waits for its tiles. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { catchStop } from '@tessera/shared/until-stopped'
import { CONTENDERS, ownProcess } from '../contenders.ts'
import type { ContenderSpec } from '../contest/contender.ts'
import { type Performance, runContest } from '../contest/referee.ts'
import { makeTiles } from '../make-tiles.ts'
import { findPython, peerFile } from '../peers.ts'
import { describeMachine } from '../report/machine.ts'
import { contestResult, writeResults } from '../report/results.ts'
import { contestTable } from '../report/table.ts'
import { clearProgress, showProgress } from '../screen.ts'
import { type Size, sizeText } from '../sizes.ts'

export interface DataFlags {
  readonly data?: string
  readonly tiles: number
  readonly stored: number
  readonly tile: number
  readonly batch: number
  readonly augment: string
  readonly workers: number
  readonly rounds: number
  readonly training?: Size
  readonly engine: string
  readonly python?: string
  readonly out?: string
}

/** One class a folder. */
interface Folder {
  readonly dir: string
  readonly classes: readonly string[]
  readonly count: number
}

const TITLES: Readonly<Record<string, string>> = {
  ...CONTENDERS,
  tessera: 'Tessera',
  'tessera-kept': 'Tessera, decoded once',
  'torchvision-pil': 'torchvision, PIL',
  'torchvision-tensor': 'torchvision, tensors',
  fed: 'step with its tiles',
  'not-fed': 'step on one batch',
}
const BASES = ['torchvision-pil', 'torchvision-tensor', 'not-fed']
const ANSWER_MS = 15 * 60_000
const BUDGET_MS = 60 * 60_000

/** @throws {TesseraError} ERR_DATA_FOLDER, ERR_USAGE if the folder cannot be read or has no classes; ERR_BENCH_PEER, ERR_INTERRUPTED, ERR_STORE_WRITE */
export async function measureData(flags: DataFlags): Promise<void> {
  const { training } = flags
  // First: it is no use to draw tiles for a contest that cannot be.
  const python = training === undefined ? await findPython(flags.python) : null
  const { signal } = catchStop()
  const made = flags.data === undefined ? await mkdtemp(join(tmpdir(), 'tessera-bench-tiles-')) : null
  try {
    const folder = await tileFolder(flags, made, signal)
    const contenders =
      training === undefined ? feeders(flags, folder, python?.command ?? '') : steps(flags, folder, training)
    const machine = describeMachine()
    const performances = await runContest({
      contenders,
      rounds: flags.rounds,
      warmUpSteps: training === undefined ? 1 : 4,
      slotSeconds: training === undefined ? 5 : 10,
      budgetMs: BUDGET_MS,
      answerMs: ANSWER_MS,
      clock: systemClock,
      signal,
      onProgress: showProgress(''),
    }).finally(clearProgress)
    await report(flags, folder, machine, performances)
  } finally {
    if (made !== null) await rm(made, { recursive: true, force: true })
  }
}

async function tileFolder(flags: DataFlags, made: string | null, signal: AbortSignal): Promise<Folder> {
  if (made !== null) {
    const { tiles: count, stored: storedPx } = flags
    const show = showProgress('')
    const classes = await makeTiles({
      folder: made,
      count,
      storedPx,
      signal,
      onProgress: (done) => {
        if (done % 64 === 0) show({ text: `draws tile ${done} of ${count}`, secondsLeft: null })
      },
    }).finally(clearProgress)
    return { dir: made, classes, count }
  }
  return givenFolder(flags.data ?? '')
}

async function givenFolder(dir: string): Promise<Folder> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch((cause: unknown) => {
    const { code = 'a failure' } = cause as NodeJS.ErrnoException
    throw new TesseraError('ERR_DATA_FOLDER', `data folder must be readable, got ${code}`, { cause })
  })
  const classes = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  if (classes.length < 2)
    throw new TesseraError('ERR_USAGE', `data must have 2 or more class folders, got ${classes.length}`)
  const count = entries.filter(({ name }) => /\.(png|jpe?g)$/i.test(name)).length
  return { dir, classes: classes.toSorted(), count }
}

/** Ours twice, torchvision twice: with PIL, and with its own decoder. */
function feeders(flags: DataFlags, { dir, classes }: Folder, command: string): ContenderSpec[] {
  const { tile, batch, augment, workers } = flags
  const common = ['--data', dir, '--tile', `${tile}`, '--batch', `${batch}`, '--augment', augment]
  const own = [...common, '--classes', classes.join(',')]
  const threads = availableParallelism()
  const peer = (decoder: string): ContenderSpec => ({
    name: `torchvision-${decoder}`,
    command,
    args: [peerFile('data_loader.py'), ...common, '--workers', `${workers}`, '--decoder', decoder],
  })
  return [
    ownProcess('tessera', 'tiles', own, threads),
    ownProcess('tessera-kept', 'tiles', [...own, '--keep-decoded'], threads),
    peer('pil'),
    peer('tensor'),
  ]
}

/** The same step with tiles that are read meanwhile, and without. */
function steps({ engine, augment }: DataFlags, { dir, classes }: Folder, size: Size): ContenderSpec[] {
  const common = ['--engine', engine, '--size', `${size.batch}x${size.sidePx}`]
  const data = ['--data', dir, '--classes', classes.join(','), '--augment', augment]
  const threads = availableParallelism()
  return [
    ownProcess('fed', 'engine-step', [...common, ...data], threads),
    ownProcess('not-fed', 'engine-step', common, threads),
  ]
}

async function report(
  flags: DataFlags,
  { count }: Folder,
  machine: ReturnType<typeof describeMachine>,
  performances: readonly Performance[],
): Promise<void> {
  const { training, tile, batch, augment, workers, rounds, engine, out } = flags
  const label = training === undefined ? `${count} tiles to ${tile} px` : `${sizeText(training)} on ${engine}`
  const result = contestResult(label, training?.batch ?? count, performances, BASES)
  process.stdout.write(contestTable(result, 'tiles', TITLES))
  if (training === undefined)
    process.stdout.write("Memory is the main process's: a DataLoader's workers have their own.\n")
  if (out === undefined) return
  await writeResults(out, {
    format: 'tessera-bench',
    version: 1,
    kind: 'data',
    date: new Date().toISOString(),
    machine,
    settings: { batch, augment, workers, rounds },
    contests: [result],
  })
  process.stdout.write(`written: ${out}\n`)
}
