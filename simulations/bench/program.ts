/** @file The program `npm run bench`: contests against PyTorch, Flower and NVFLARE, and what this machine can do at most. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type DataFolder, parseDataFolder } from '../runner/config.ts'
import { parseContenders } from './contenders.ts'
import { DEFAULT_CASES, parseCases, parseFederations } from './federation/cases.ts'
import { SIMULATED, SIMULATIONS } from './simulation/cases.ts'
import { parseSizes } from './sizes.ts'

const FOLDER = fileURLToPath(new URL('results/', import.meta.url))
/** The sizes that the project measures itself by. */
const DEFAULT_SIZES = '16x128,8x224,32x64,4x512'
const PYTHON = [
  '--python <path>',
  'Python with torch, torchvision, safetensors (TESSERA_BENCH_PYTHON, python3)',
] as const

/** Builds the program; what a verb needs is loaded when it is typed. */
export function benchProgram(): Command {
  const program = new Command('bench')
    .description('Measures Tessera against others: contenders take turns, ratios are of neighbouring turns.')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run bench -- engine --size 16x128 --contenders wasm,torch --quick',
    )
  contestVerb(
    program,
    'engine',
    'MoMA training step: EfficientNet-B0 twice, C 512, K 16384, SGD; with dropout and stochastic depth',
  )
    .option('--no-masking', 'without dropout and stochastic depth')
    .action(async (flags) =>
      (await import('./verbs/contest.ts')).runContests('step', withOut(flags, 'engine')),
    )
  contestVerb(program, 'evaluate', 'Forward pass alone, EfficientNet-B0').action(async (flags) =>
    (await import('./verbs/contest.ts')).runContests('evaluate', {
      ...withOut(flags, 'evaluate'),
      masking: false,
    }),
  )
  program
    .command('check')
    .description(
      'Do the contenders do the same work? Same weights, same batch, two steps: the losses must agree to 1e-4.',
    )
    .addOption(sizeOption('8x96'))
    .addOption(contenderOption('ours first', 'wasm,torch'))
    .option(...PYTHON)
    .addHelpText('after', '\nExample:\n  $ npm run bench -- check --contenders wasm,torch,torch-compile')
    .action(async (flags) => (await import('./verbs/check.ts')).checkWork(flags))
  dataVerb(program)
  federationVerb(program)
  simulationVerb(program)
  program
    .command('physics')
    .description('What this machine can do at most (sgemm, copy, triad), and what that allows for each size.')
    .addOption(sizeOption(DEFAULT_SIZES))
    .option('--threads <n>', 'cores (all)', positive)
    .option(...PYTHON)
    .addHelpText('after', '\nExample:\n  $ npm run bench -- physics')
    .action(async (flags) => (await import('./verbs/physics.ts')).measurePhysics(flags))
  program
    .command('aggregation')
    .description(
      "The coordinator's mean and median of stored deltas, in GB/s of update bytes, beside numpy's and the memory's.",
    )
    .option('--updates <list>', 'how many deltas', counts, [10, 50])
    .option('--floats <n>', 'values of a delta', positive, 5_300_000)
    .option('--encoding <name>', 'of the deltas: f32, bf16, int8', 'f32')
    .option('--rounds <n>', 'turns of each; the median counts', positive, 5)
    .option('--threads <n>', 'cores (all)', positive)
    .option(...PYTHON)
    .option('--out <file>', 'results as JSON (simulations/bench/results/aggregation-DATE.json)')
    .addHelpText('after', '\nExample:\n  $ npm run bench -- aggregation --updates 10,50')
    .action(async (flags) =>
      (await import('./verbs/aggregation.ts')).measureAggregation(withOut(flags, 'aggregation')),
    )
  startVerb(program)
  program
    .command('profile')
    .description("Where PyTorch's eager step spends its time, by operator.")
    .addOption(sizeOption('16x128'))
    .option('--evaluate', 'the forward pass alone')
    .option('--threads <n>', 'cores', positive, 2)
    .option(...PYTHON)
    .addHelpText('after', '\nExample:\n  $ npm run bench -- profile --size 16x128')
    .action(async (flags) => (await import('./verbs/profile.ts')).profilePeer(flags))
  program
    .command('memory')
    .description('Does a long training hold its memory? What the process holds, every few steps.')
    .addOption(sizeOption('4x32'))
    .option('--engine <name>', 'tensorflow or wasm', 'tensorflow')
    .option('--steps <n>', 'how many', positive, 2000)
    .addHelpText('after', '\nExample:\n  $ npm run bench -- memory --engine tensorflow --steps 2000')
    .action(async (flags) => (await import('./verbs/memory.ts')).measureMemory(flags))
  program
    .command('kernels')
    .description('Single kernels of the wasm engine beside the stock ones, by processor time of one thread.')
    .addHelpText('after', '\nExample:\n  $ npm run bench -- kernels')
    .action(async () => (await import('./kernels.ts')).printKernels())
  return program
}

function contestVerb(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(sizeOption(DEFAULT_SIZES))
    .addOption(
      contenderOption('of tensorflow, wasm, cpu, torch, torch-compile, torch-autotune', 'wasm,torch'),
    )
    .option('--rounds <n>', 'turns of each contender', positive, 7)
    .option('--slot <seconds>', 'a turn takes about so long', positive, 6)
    .option('--minutes <n>', 'no turn begins later, over all sizes', positive, 60)
    .option('--threads <n>', 'cores of each contender (all)', positive)
    .option(...PYTHON)
    .option('--quick', '2 turns of a second: shows that all works')
    .option('--out <file>', 'results as JSON (simulations/bench/results/VERB-DATE.json; --quick: none)')
    .addHelpText(
      'after',
      `\nExample:\n  $ npm run bench -- ${name} --size 16x128,8x224 --contenders wasm,torch,torch-compile`,
    )
}

function dataVerb(program: Command): void {
  program
    .command('data')
    .description(
      "The site's tiles against torchvision's DataLoader: decode, resize, augment, normalise; tiles a second.",
    )
    .option('--data <dir>', 'CLASS/*.png|jpg (drawn for the purpose)')
    .option('--tiles <n>', 'tiles to draw', positive, 1024)
    .option('--stored <px>', 'side of a drawn tile', positive, 256)
    .option('--tile <px>', 'side of a tile in the batch', positive, 224)
    .option('--batch <n>', 'tiles of a batch', positive, 64)
    .option('--augment <name>', 'none, flips, randaugment', 'randaugment')
    .option('--workers <n>', "processes of torchvision's DataLoader", positive, 2)
    .option('--rounds <n>', 'turns of each contender', positive, 5)
    .option(
      '--training <size>',
      'instead: how long a training step waits for its tiles',
      (text) => parseSizes(text)[0],
    )
    .option('--engine <name>', 'of the training: tensorflow or wasm', 'wasm')
    .option(...PYTHON)
    .option('--out <file>', 'results as JSON (simulations/bench/results/data-DATE.json)')
    .addHelpText('after', '\nExample:\n  $ npm run bench -- data --data tiles/hospital-a --tile 224')
    .action(async (flags) => (await import('./verbs/data.ts')).measureData(withOut(flags, 'data')))
}

function federationVerb(program: Command): void {
  program
    .command('federation')
    .description(
      'What a round costs beyond its training: agents that train nothing, beside Flower and NVFLARE; upload path, memory.',
    )
    .addOption(
      new Option('--case <list>', 'MODEL:SITES of small, 21mb, 250mb; several with commas')
        .argParser(parseCases)
        .default(parseCases(DEFAULT_CASES), DEFAULT_CASES),
    )
    .option(
      '--contenders <list>',
      'of tessera, flower, flower-213, nvflare, in every case (peers where they tell something)',
      parseFederations,
    )
    .option('--rounds <n>', 'turns of each contender', whole, 5)
    .option('--slot <seconds>', 'a turn takes about so long', positive, 4)
    .option('--minutes <n>', 'no turn begins later, over all cases', positive, 60)
    .option('--hosts <n>', 'processes that our agents are spread over', whole, 3)
    .option('--dir <folder>', 'where the federations live; its disk is part of the figures (system default)')
    .option('--profile <folder>', 'processor profiles of our coordinator and agents go there')
    .option('--python <path>', 'Python with flwr, nvflare, numpy (TESSERA_BENCH_PYTHON, python3)')
    .option('--quick', 'a turn of a second: shows that all works')
    .option('--out <file>', 'results as JSON (simulations/bench/results/federation-DATE.json; --quick: none)')
    .addHelpText('after', '\nExample:\n  $ npm run bench -- federation --case 21mb:3,small:20 --rounds 3')
    .action(async (flags) =>
      (await import('./verbs/federation.ts')).measureFederation(withOut(flags, 'federation')),
    )
}

function startVerb(program: Command): void {
  program
    .command('start')
    .description(
      'What a file of weights is worth as a start for teacher and student: each from it or by chance, with and without MoMA; test scores over seeds.',
    )
    .requiredOption(
      '--data <dir[@mpp]>',
      'tiles SITE/CLASS/*.png|jpg, labels.csv with groups; repeat for more',
      (text, before: DataFolder[] | undefined) => [...(before ?? []), parseDataFolder(text)],
    )
    .requiredOption('--start <file>', 'the weights (safetensors, docs/models.md)')
    .option('--classes <a,b>', 'only these classes, in this order', (text) => text.split(','))
    .option('--tile <px>', 'side of a tile', whole, 96)
    .option('--test-share <share>', 'of the tiles that the teacher (0.3 of all) leaves', positive, 0.5)
    .option('--rounds <n>', "epochs of the student's training", whole, 12)
    .option('--teacher-epochs <n>', "epochs of the teacher's", whole, 12)
    .option('--batch <n>', 'tiles a step', whole, 16)
    .option('--seeds <n>', 'each deals out and trains anew', whole, 3)
    .option('--out <dir>', 'files of the run; the same command goes on with it', join('runs', 'start'))
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run bench -- start --data tiles --start lite0.safetensors --seeds 5',
    )
    .action(async (flags) => (await import('./verbs/start.ts')).measureStart(flags))
}

function simulationVerb(program: Command): void {
  program
    .command('simulation')
    .description(
      "A whole simulation in one process, its sites train nothing, beside Flower's: clients a second, memory.",
    )
    .addOption(
      new Option('--model <list>', 'of 10k, 5m: about so many numbers')
        .argParser((text) => chosen(SIMULATED, text))
        .default(SIMULATED, SIMULATED.join()),
    )
    .option('--sites <n>', 'simulated sites', whole, 100)
    .option('--rounds <n>', 'rounds; all but the first are timed', whole, 6)
    .addOption(
      new Option('--contenders <list>', 'of tessera, flower')
        .argParser((text) => chosen(SIMULATIONS, text))
        .default(SIMULATIONS, SIMULATIONS.join()),
    )
    .option('--dir <folder>', 'where our federation lives; its disk is part of the figures (system default)')
    .option('--python <path>', 'Python with flwr[simulation], numpy (TESSERA_BENCH_PYTHON, python3)')
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run bench -- simulation --model 10k --sites 100 --dir /dev/shm',
    )
    .action(async (flags) => (await import('./verbs/simulation.ts')).measureSimulation(flags))
}

function chosen<T extends string>(known: readonly T[], text: string): T[] {
  const names = text.split(',')
  const unknown = names.find((name) => !known.includes(name as T))
  if (unknown === undefined) return names as T[]
  throw new InvalidArgumentError(`must be of ${known.join(', ')}.`)
}

function sizeOption(standard: string): Option {
  return new Option('--size <list>', 'BATCHxSIDE, several with commas')
    .argParser(parseSizes)
    .default(parseSizes(standard), standard)
}

function contenderOption(description: string, standard: string): Option {
  return new Option('--contenders <list>', description)
    .argParser(parseContenders)
    .default(parseContenders(standard), standard)
}

/** Quick figures are not kept unless asked for: they are too noisy to be compared with. */
function withOut<T extends { out?: string; quick?: true }>(flags: T, kind: string): T {
  if (flags.out !== undefined || flags.quick === true) return flags
  const day = new Date().toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-')
  return { ...flags, out: join(FOLDER, `${kind}-${day}.json`) }
}

function counts(text: string): number[] {
  return text.split(',').map((part) => {
    const value = positive(part)
    if (Number.isInteger(value)) return value
    throw new InvalidArgumentError('must be whole numbers.')
  })
}

function positive(text: string): number {
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new InvalidArgumentError('must be a number above 0.')
}

function whole(text: string): number {
  const value = positive(text)
  if (Number.isInteger(value)) return value
  throw new InvalidArgumentError('must be a whole number.')
}
