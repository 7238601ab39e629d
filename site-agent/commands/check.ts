/** @file `tessera site check`: the tiles, the machine, the way to the coordinator, and how long a round takes. */
import { readFile } from 'node:fs/promises'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, writeDurably } from '@tessera/shared/files'
import { print } from '@tessera/shared/print'
import { printable } from '@tessera/shared/printable'
import { type Study, study as studySchema } from '@tessera/shared/protocol'
import { untilStopped } from '@tessera/shared/until-stopped'
import { createWorkLine } from '@tessera/shared/work-line'
import type { Command } from 'commander'
import {
  type Assessment,
  type AssessOptions,
  assessTiles,
  type NamedTiles,
  tileOptions,
} from '../data/index.ts'
import { checkPage } from '../page/check-page.ts'
import { lookAtCoordinator } from '../preflight/coordinator.ts'
import { type Finding, warn } from '../preflight/finding.ts'
import { thisMachine } from '../preflight/machine.ts'
import { defaultStudy, preflight } from '../preflight/preflight.ts'
import { dataLines, leakLines, pairText, qualityLines } from '../screen/data-table.ts'
import { findingLines } from '../screen/finding-lines.ts'
import { loadSite, readIdentity } from '../session/site-folder.ts'
import { distillTrainer, studyFile } from '../session/workplace.ts'
import { type DataFlags, dataRules, example, whole, withDataRules, withDir } from './command.ts'

interface CheckFlags extends DataFlags {
  dir: string
  study?: string
  classes?: string[]
  size?: number
  coordinator?: string
  dataOnly?: true
  showBad?: true
  json?: true
  html?: string
}

export function addCheck(group: Command): void {
  const command = withDataRules(withDir(group.command('check <data>')))
    .description(
      'read every tile of DATA as training would (DATA/CLASS/*.{png,jpg,jpeg}, a manifest or an .npz), look at this machine, time a step, and say what is wrong',
    )
    .option('--study <id>', 'a study of the coordinator: joins it for a moment, and checks for it')
    .option('--classes <names>', "before that: the study's classes, separated by commas", (text) =>
      text.split(','),
    )
    .option('--size <px>', "width of the study's tiles", whole)
    .option('--coordinator <url>', "another address than the kit's; the coordinator's key stays pinned")
    .option('--data-only', 'look at the tiles only')
    .option('--show-bad', 'list skipped and too similar files by name, on this screen only')
    .option('--json', 'as JSON')
    .option('--html <file>', 'write a page with plots, and no name or picture in it')
    .action((dataDir: string, flags: CheckFlags) => untilStopped((signal) => check(dataDir, flags, signal)))
  example(command, '$ tessera site check tiles --classes benign,tumour --size 96')
}

async function check(dataDir: string, flags: CheckFlags, signal: AbortSignal): Promise<void> {
  const way = flags.dataOnly ? NOT_ASKED : await lookAtWay(flags, signal)
  const known = way.study ?? (await joinedStudy(flags))
  const options = known ? tileOptions(known) : fromFlags(flags)
  const found = await readWithProgress({ ...dataRules(flags), ...options, dir: dataDir, signal })
  const { report, quality, named, fault, tiles } = found
  if (!flags.json) print(foundLines(found).join('\n'))
  // Names go to standard error: what is printed to standard output may be passed on.
  if (named !== null) for (const text of nameLines(named, flags)) process.stderr.write(`${text}\n`)

  const findings = [...way.findings]
  if (!flags.dataOnly) {
    const study = known ?? defaultStudy(options.classes, options.sizePx)
    const common = { machine: thisMachine, clock: systemClock, createTrainer: distillTrainer, signal }
    findings.push(...(await preflight({ dir: flags.dir, study, tiles, ...common })))
    if (!flags.json) print(['', ...findingLines(findings)].join('\n'))
    if (!flags.json && !known) print('\nTimed with MoMA on EfficientNet-B0; --study times the study itself.')
  }
  if (flags.json) print(JSON.stringify({ report, quality, code: fault?.code ?? null, checks: findings }))
  if (flags.html !== undefined) {
    const time = new Date(systemClock.now()).toISOString()
    const study = known?.id ?? 'no study yet'
    const about = { study, time, sizePx: options.sizePx, fault: fault?.message ?? null }
    await writeDurably(flags.html, Buffer.from(checkPage({ ...about, report, quality, findings })), 0o600)
  }
  if (fault !== null) throw fault
  const failed = findings.filter(({ status }) => status === 'fail').map(({ name }) => name)
  if (failed.length > 0) {
    throw new TesseraError('ERR_PREFLIGHT', `every check must pass, got ${failed.join(', ')} failed`)
  }
  if (!flags.json) print('\nReady to train.')
}

async function readWithProgress(options: AssessOptions): Promise<Assessment> {
  const line = process.stderr.isTTY
    ? createWorkLine('reading tiles', (text) => void process.stderr.write(text), systemClock)
    : null
  try {
    return await assessTiles({ ...options, onRead: (done, total) => line?.show(done, total) })
  } finally {
    line?.close()
  }
}

function foundLines({ report, quality }: Assessment): string[] {
  return [
    ...(report === null ? [] : dataLines(report)),
    ...(quality === null ? [] : ['', ...qualityLines(quality)]),
  ]
}

function nameLines(named: NamedTiles, { showBad, json }: CheckFlags): string[] {
  if (!showBad) return json ? [] : leakLines(named)
  const { skipped, leaks, nearDuplicates } = named
  return [
    ...skipped.map(({ name, reason }) => `${reason} ${printable(name)}`),
    ...[...leaks, ...nearDuplicates].map(pairText),
  ]
}

interface Way {
  readonly findings: readonly Finding[]
  readonly study: Study | null
}
const NOT_ASKED: Way = { findings: [], study: null }

/** The way to the coordinator, where there is a kit to know it from and a study to join. */
async function lookAtWay({ dir, study, coordinator }: CheckFlags, signal: AbortSignal): Promise<Way> {
  const unseen = (why: string, advice: string): Way => ({
    findings: [warn('coordinator', `not looked at: ${why}`, advice)],
    study: null,
  })
  if ((await readIdentity(dir)) === null) {
    return unseen('this folder is not enrolled', 'tessera site enroll KIT, then check again.')
  }
  if (study === undefined) return unseen('no study is named', 'Check again with --study.')
  const site = await loadSite(dir)
  return lookAtCoordinator({ dir, site, study, coordinatorUrl: coordinator, clock: systemClock, signal })
}

/** The study as it was joined earlier; null when none was named. */
async function joinedStudy({ dir, study }: CheckFlags): Promise<Study | null> {
  if (study === undefined) return null
  const text = await readFile(studyFile(dir, study), 'utf8').catch((cause: unknown) => {
    const got = isMissing(cause) ? study : 'an unreadable file'
    throw new TesseraError(
      'ERR_STUDY_UNKNOWN',
      `study must be one that this site can join or has joined, got ${got}: use --classes and --size before that`,
      { cause },
    )
  })
  return studySchema.parse(JSON.parse(text))
}

function fromFlags({ classes, size }: CheckFlags): { classes: string[]; sizePx: number } {
  if (classes !== undefined && size !== undefined) return { classes, sizePx: size }
  throw new TesseraError('ERR_USAGE', 'check must have --study, or --classes and --size, got neither')
}
