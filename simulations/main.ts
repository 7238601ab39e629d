/** @file The verb `demo`: a whole federation on this machine, on procedural or real tiles, with a table at the end. */
import { join } from 'node:path'
import { systemClock } from '@tessera/shared/clock'
import { stderrScreen } from '@tessera/shared/stage-progress'
import { untilStopped } from '@tessera/shared/until-stopped'
import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  completeConfig,
  configDigest,
  type DataFolder,
  type DemoConfig,
  parseDataFolder,
  parseTeacherFrom,
  START_FOR,
  type StartFor,
} from './runner/config.ts'
import { runDemo } from './runner/demo.ts'
import { readStart } from './runner/start.ts'

const EXAMPLES = `
Examples:
  $ tessera demo
  $ tessera demo --data tiles --partition dirichlet:0.5 --sites 3
  $ tessera demo --data hospitals@0.25 --data more@0.5 --teacher-from hospital-c:0.4 --tile 96`

interface DemoFlags {
  data: DataFolder[]
  teacherData: DataFolder[]
  teacherFrom?: NonNullable<DemoConfig['teacherFrom']>
  partition?: string
  sites?: number
  classes?: string[]
  teacherClasses?: string[]
  tile?: number
  testShare?: number
  rounds?: number
  epochs?: number
  teacherEpochs?: number
  batch?: number
  lr?: number
  width?: number
  depth?: number
  teacherWidth?: number
  start?: string
  startFor?: StartFor
  seed?: string
  out?: string
  quick?: true
  fresh?: true
}

/** Adds the verb `demo` to the program. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description(
      'Train on this machine: one coordinator and a process a site, over real sockets; each site alone; all data in one place. Ends with a table.',
    )
    .option('--data <DIR[@MPP]>', 'tiles SITE/CLASS/*.png|jpg, MPP µm per px; repeat for more', folders, [])
    .option('--teacher-data <DIR[@MPP]>', 'tiles that only the teacher sees, same layout', folders, [])
    .option(
      '--teacher-from <SITE:SHARE>',
      "or this share of a site's (default: 0.3 of the largest)",
      parseTeacherFrom,
    )
    .option('--partition <rule>', 'deal tiles of one place out: iid or dirichlet:ALPHA')
    .option('--sites <n>', 'over so many sites (3)', number)
    .option('--classes <a,b>', 'only these classes, in this order', (text) => text.split(','))
    .option('--teacher-classes <a,b>', 'classes of --teacher-data, for a teacher of another task', (text) =>
      text.split(','),
    )
    .option('--tile <px>', 'side of a tile (64)', number)
    .option('--test-share <share>', "of each site's tiles, whole groups (0.4; with --data 0.3)", number)
    .option('--rounds <n>', 'federated rounds', number)
    .option('--epochs <n>', 'local epochs a round', number)
    .option('--teacher-epochs <n>', "epochs of the teacher's training", number)
    .option('--batch <n>', 'tiles a step', number)
    .option('--lr <rate>', 'learning rate, falls by a cosine', number)
    .option('--width <x>', "student's width, 1 is EfficientNet-B0", number)
    .option('--depth <x>', "student's depth", number)
    .option('--teacher-width <x>', "teacher's width", number)
    .option('--start <file>', 'teacher and students start from these weights (safetensors, docs/models.md)')
    .addOption(
      new Option('--start-for <who>', 'only this one starts from them, the other by chance').choices(
        START_FOR,
      ),
    )
    .option('--seed <text>', 'all chance hangs on it', (text) => text)
    .option('--out <DIR>', 'files of the run (default: runs/demo-SETTINGS)')
    .option('--quick', 'small and short: shows that all works, learns little')
    .option('--fresh', 'start over instead of going on with a run that was cut off')
    .addHelpText('after', EXAMPLES)
    .action(demo)
}

async function demo(flags: DemoFlags): Promise<void> {
  const { tile, start, out, quick, fresh, ...same } = flags
  const given = {
    ...same,
    ...(tile !== undefined && { tilePx: tile }),
    ...(start !== undefined && { start: await readStart(start) }),
  }
  const config = completeConfig(given, quick === true)
  const table = await untilStopped((signal) =>
    runDemo({
      config,
      out: out ?? join('runs', `demo-${configDigest(config)}`),
      fresh: fresh === true,
      screen: stderrScreen(),
      clock: systemClock,
      signal,
    }),
  )
  process.stdout.write(`\n${table}\n`)
}

function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('must be a number.')
  return value
}

function folders(text: string, earlier: DataFolder[]): DataFolder[] {
  return [...earlier, parseDataFolder(text)]
}
