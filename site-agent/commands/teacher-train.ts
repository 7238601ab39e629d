/** @file `tessera teacher train`: what is asked for, and what is said meanwhile. Results go to standard output, progress to standard error. */
import { systemClock } from '@tessera/shared/clock'
import type { EngineChoice } from '@tessera/shared/engine'
import { TesseraError } from '@tessera/shared/errors'
import { print } from '@tessera/shared/print'
import { ARCHITECTURE_NAMES, FLAVOURS, type StudyInput } from '@tessera/shared/protocol'
import { readableSeconds } from '@tessera/shared/readable'
import { untilStopped } from '@tessera/shared/until-stopped'
import { bar } from '@tessera/shared/work-line'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { createLines } from '../screen/progress-line.ts'
import { table } from '../screen/table.ts'
import { lastFileOf, runTeacherTraining, type TeacherRun } from '../teacher-training/run.ts'
import { type DataFlags, dataRules, example, whole, withDataRules } from './command.ts'

type Architecture = StudyInput['student']
type Training = StudyInput['training']

interface TrainFlags extends DataFlags {
  classes: string[]
  size: number
  out: string
  arch: NonNullable<Architecture['name']>
  width: number
  depth: number
  flavour?: NonNullable<Architecture['flavour']>
  init?: string
  epochs: number
  batch: number
  lr: number
  schedule: NonNullable<Training['schedule']>
  augment: NonNullable<Training['augment']>
  stain?: 'macenko'
  val?: string
  patience?: number
  seed: string
  engine?: EngineChoice
}

/** Adds the verb. Defaults that a study has, too, are the study's. */
export function addTeacherTrain(group: Command): void {
  const command = group
    .command('train <data>')
    .description('train a teacher on class folders, a manifest, an .npz or slides; run again, it goes on')
    .requiredOption('--classes <names>', 'separated by commas, in the order of the labels', (text) =>
      text.split(','),
    )
    .requiredOption('--size <px>', 'width of the tiles', whole)
    .requiredOption('--out <file>', 'of the best epoch; the last stands beside it')
    .option('--arch <name>', 'the network, by its name in a study', architectureName, 'efficientnet-b0')
    .option('--width <factor>', 'times the channels', number, 1)
    .option('--depth <factor>', 'times the layers', number, 1)
    .addOption(new Option('--flavour <name>', 'whose padding and norms').choices([...FLAVOURS]))
    .option('--init <file>', 'safetensors to begin with, such as ImageNet weights')
    .option('--epochs <n>', 'passes over the tiles', whole, 50)
    .option('--batch <n>', 'tiles a step', whole, 64)
    .option('--lr <rate>', 'learning rate', number, 0.05)
    .addOption(new Option('--schedule <name>').choices(['cosine', 'constant', 'steps']).default('cosine'))
    .addOption(
      new Option('--augment <name>')
        .choices(['none', 'flips', 'flips-and-stain', 'flips-and-site-stain', 'randaugment'])
        .default('flips-and-stain'),
    )
    .addOption(new Option('--stain <name>', 'normalise stain').choices(['macenko']))
    .option('--val <data>', 'other tiles to choose by; else the part val')
    .option('--patience <n>', 'epochs without a better one until it stops', whole)
    .option('--seed <text>', 'every random choice hangs on it', 'teacher')
    .addOption(
      new Option('--engine <name>', 'what computes (default: TESSERA_ENGINE, else auto)').choices([
        'auto',
        'wasm',
        'tensorflow',
        'cpu',
      ]),
    )
    .action((dataDir: string, flags: TrainFlags) => untilStopped((signal) => train(dataDir, flags, signal)))
  withDataRules(command)
  example(
    command,
    '$ tessera teacher train tiles.csv --classes benign,tumour --size 96 --init imagenet.safetensors --out teacher.safetensors',
  )
}

/** A terminal's line is rewritten at most so often. */
const LINE_MS = 500

async function train(dataDir: string, flags: TrainFlags, signal: AbortSignal): Promise<void> {
  const { startEngine } = await import('@tessera/shared/engine')
  const { description } = await startEngine(flags.engine ? { engine: flags.engine } : {})
  const write = (text: string): void => void process.stderr.write(text)
  const writeLine = (text: string): void => write(`${text}\n`)
  const lines = process.stderr.isTTY
    ? createLines(write)
    : { line: () => undefined, note: writeLine, end: writeLine, close: () => undefined }
  let shownMs = Number.NEGATIVE_INFINITY
  let epochs = 0
  lines.note(description)
  try {
    const { best, last, sha256 } = await runTeacherTraining({
      ...runOf(dataDir, flags),
      clock: systemClock,
      signal,
      onData: ({ tiles }, training, validation) =>
        lines.note(`${tiles} tiles in ${dataDir}: ${training} to train on, ${validation} to choose by`),
      onResumed(made) {
        epochs = made
        lines.note(`goes on after epoch ${made}`)
      },
      onStep({ epoch, epochs, step, steps, loss, secondsLeft }) {
        const nowMs = systemClock.elapsed()
        if (nowMs - shownMs < LINE_MS) return
        shownMs = nowMs
        const left = readableSeconds(secondsLeft)
        lines.line(`epoch ${epoch} of ${epochs} ${bar(step / steps)} loss ${loss.toFixed(3)}, ${left} left`)
      },
      onEpoch({ epoch, loss, accuracy }, isBest) {
        epochs = epoch
        lines.end(
          `epoch ${epoch}: loss ${loss.toFixed(3)}, validation accuracy ${percent(accuracy)}${isBest ? ', the best so far' : ''}`,
        )
      },
    })
    lines.close()
    const row = (name: string, score: typeof best, file: string) => [
      name,
      score.epoch,
      percent(score.accuracy),
      file,
    ]
    const head = ['', 'epoch', 'validation accuracy', 'file']
    print(table([head, row('best', best, flags.out), row('last', last, lastFileOf(flags.out))]).join('\n'))
    print(`\nSHA-256 of the best, for teacher.sha256 of a study: ${sha256}`)
  } catch (thrown) {
    lines.close()
    if (!(thrown instanceof TesseraError) || thrown.code !== 'ERR_INTERRUPTED') throw thrown
    throw new TesseraError(
      'ERR_INTERRUPTED',
      `training must run to its last epoch, got a stop after ${epochs} of ${flags.epochs}: the same command goes on from there`,
      { cause: thrown },
    )
  } finally {
    lines.close()
  }
}

function runOf(
  dataDir: string,
  flags: TrainFlags,
): Pick<TeacherRun, 'settings' | 'dataDir' | 'dataRules' | 'valDir' | 'initFile' | 'outFile' | 'patience'> {
  const { arch, width, depth, flavour, batch, lr, schedule, augment } = flags
  return {
    settings: {
      architecture: {
        name: arch,
        widthMultiplier: width,
        depthMultiplier: depth,
        ...(flavour === undefined ? {} : { flavour }),
      },
      classes: flags.classes,
      sizePx: flags.size,
      stain: flags.stain,
      epochs: flags.epochs,
      seed: flags.seed,
      training: { batchSize: batch, learningRate: lr, schedule, augment },
    },
    dataDir,
    dataRules: dataRules(flags),
    valDir: flags.val ?? null,
    initFile: flags.init ?? null,
    outFile: flags.out,
    patience: flags.patience ?? null,
  }
}

/** Its own check: eight names in the help would take the room of three options. */
function architectureName(text: string): TrainFlags['arch'] {
  const found = ARCHITECTURE_NAMES.find((name) => name === text)
  if (found !== undefined) return found
  throw new InvalidArgumentError(`must be one of ${ARCHITECTURE_NAMES.join(', ')}.`)
}

function number(text: string): number {
  const value = Number(text)
  if (text !== '' && Number.isFinite(value)) return value
  throw new InvalidArgumentError('must be a number.')
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
