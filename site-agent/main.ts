/** @file A hospital's verbs: `tessera site …`. Results go to standard output, logs and progress to standard error. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { createLog, type Log } from '@tessera/shared/log'
import { study as studySchema } from '@tessera/shared/protocol'
import { fingerprint } from '@tessera/shared/security'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { assessTiles } from './data/index.ts'
import { addIdentityVerbs } from './main-identity.ts'
import { auditTable } from './screen/audit-table.ts'
import { dataLines } from './screen/data-table.ts'
import { createScreen } from './screen/progress-line.ts'
import { readableBytes } from './screen/table.ts'
import { runAgent } from './session/agent.ts'
import { enroll } from './session/enroll.ts'
import { isRotationOpen, rotateSiteKey } from './session/rotate-key.ts'
import { auditFile, loadSite } from './session/site-folder.ts'
import { studyFile } from './session/workplace.ts'
import { verifyAudit } from './uplink/audit.ts'

const print = (line: string): boolean => process.stdout.write(`${line}\n`)
const whole = (text: string): number => {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a whole number.')
}
const share = (text: string): number => {
  const value = Number(text)
  if (text !== '' && value >= 0 && value <= 1) return value
  throw new InvalidArgumentError('must be a number from 0 to 1.')
}
const withDir = (command: Command): Command =>
  command.option('-d, --dir <folder>', "the site's folder: identity, private key, audit log", 'site-data')
const withDataRules = (command: Command): Command =>
  command
    .option('--max-bad <share>', 'share of files that may be unreadable or not RGB', share, 0.05)
    .option('--allow-missing-classes', 'accept classes of the study that this site has no tiles of')
const example = (command: Command, text: string): Command =>
  command.addHelpText('after', `\nExample:\n  ${text}`)

/** Adds the group `site` to the program. */
export function addSiteCommands(program: Command): void {
  const group = program
    .command('site')
    .description("run a hospital's agent: train on its tiles, send signed deltas")
  addEnroll(group)
  addCheck(group)
  addStart(group)
  addAudit(group)
  addIdentityVerbs(group, { log: () => stderrLog(systemClock), untilStopped, whole })
  example(group, '$ tessera site enroll hospital-a.kit.json && tessera site start --study colon --data tiles')
}

interface EnrollFlags {
  dir: string
  tlsCa?: string
  tlsCert?: string
  tlsKey?: string
}

function addEnroll(group: Command): void {
  const command = withDir(group.command('enroll <kit>'))
    .description(
      'use up an enrolment kit: makes a key pair here, pins the coordinator; the private key never leaves',
    )
    .option(
      '--tls-ca <file>',
      "authority of the coordinator's certificate, PEM, when this machine does not know it",
    )
    .option('--tls-cert <file>', 'certificate of this site, PEM, where the coordinator asks for one')
    .option('--tls-key <file>', 'its private key, PEM')
    .action(async (kitFile: string, options: EnrollFlags) => {
      const { dir, tlsCa: ca, tlsCert: cert, tlsKey: key } = options
      const transport = {
        ...(ca && { ca: resolve(ca) }),
        ...(cert && { cert: resolve(cert) }),
        ...(key && { key: resolve(key) }),
      }
      const { site, coordinatorUrl, coordinatorKey, publicKey } = await untilStopped((signal) =>
        enroll({ kitFile, dir, transport, signal, clock: systemClock, log: stderrLog(systemClock) }),
      )
      print(`Enrolled as ${site} with ${coordinatorUrl}.`)
      print(`Fingerprint of the coordinator, to compare by phone: ${fingerprint(coordinatorKey)}`)
      print(`Fingerprint of this site:                            ${fingerprint(publicKey)}`)
      print(
        'Tell the operator the second one, by phone: the site takes part once the operator has approved it.',
      )
    })
  example(command, '$ tessera site enroll hospital-a.kit.json --dir site-data')
}

interface DataRules {
  maxBad: number
  allowMissingClasses?: true
}
interface CheckOptions extends DataRules {
  dir: string
  study?: string
  classes?: string[]
  size?: number
  showBad?: true
  json?: true
}

function addCheck(group: Command): void {
  const command = withDataRules(withDir(group.command('check <data>')))
    .description('read every tile of DATA/CLASS/*.{png,jpg,jpeg}, as training would, and say what is wrong')
    .option('--study <id>', 'take classes and size from a study this site has joined')
    .option('--classes <names>', "the study's classes, separated by commas", (text) => text.split(','))
    .option('--size <px>', "width of the study's tiles", whole)
    .option('--show-bad', 'list the skipped files, on this screen only')
    .option('--json', 'as JSON')
    .action(async (dataDir: string, options: CheckOptions) => {
      const wanted = await classesAndSize(options)
      const { report, fault } = await assessTiles({
        dir: dataDir,
        ...wanted,
        maxBadShare: options.maxBad,
        allowMissingClasses: options.allowMissingClasses === true,
        onSkipped: (path, reason) => {
          if (options.showBad) process.stderr.write(`${reason} ${path}\n`)
        },
      })
      if (options.json) print(JSON.stringify({ report, code: fault?.code ?? null }))
      else if (report !== null) print(dataLines(report).join('\n'))
      if (fault !== null) throw fault
      if (!options.json) print('\nReady to train.')
    })
  example(command, '$ tessera site check tiles --classes benign,tumour --size 96')
}

interface StartOptions extends DataRules {
  dir: string
  study: string
  data: string
  coordinator?: string
  engine: 'auto' | 'wasm' | 'cpu'
  keepStatistics?: true
  progressJson?: true
}

function addStart(group: Command): void {
  const command = withDataRules(withDir(group.command('start')))
    .description('join a study and train every round it offers, until it is finished; Ctrl-C stops cleanly')
    .requiredOption('--study <id>', 'the study to join')
    .requiredOption('--data <folder>', 'the tiles: one folder a class; read only, nothing of it leaves')
    .option('--coordinator <url>', "another address than the kit's; the coordinator's key stays pinned")
    .option('--keep-statistics', 'refuse studies in which batch-norm statistics leave the site')
    .option('--progress-json', 'print progress as JSON lines to standard output, for a parent program')
    .addOption(
      new Option('--engine <name>', 'what computes').choices(['auto', 'wasm', 'cpu']).default('auto'),
    )
    .action((options: StartOptions) => untilStopped((signal) => start(options, signal)))
  example(command, '$ tessera site start --study colon --data tiles --dir site-data')
}

async function start(options: StartOptions, signal: AbortSignal): Promise<void> {
  // Before the engine: a folder that is not enrolled is found out at once.
  await loadSite(options.dir)
  if (await isRotationOpen(options.dir)) {
    const { dir, coordinator: coordinatorUrl } = options
    await rotateSiteKey({ dir, coordinatorUrl, signal, clock: systemClock, log: stderrLog(systemClock) })
  }
  const { startEngine } = await import('@tessera/shared/engine')
  const engine = await startEngine({ engine: options.engine })
  const screen =
    process.stderr.isTTY && !options.progressJson
      ? createScreen((text) => void process.stderr.write(text))
      : null
  const log = stderrLog(systemClock, screen?.note)
  if (screen === null) log.info('engine.started', { engine: engine.description })
  screen?.note(engine.description)
  const tell = (event: object): void => {
    if (options.progressJson) print(JSON.stringify(event))
  }
  tell({ kind: 'engine', name: engine.name, description: engine.description })
  try {
    const { rounds, finished } = await runAgent({
      dir: options.dir,
      dataDir: options.data,
      study: options.study,
      coordinatorUrl: options.coordinator,
      maxBadShare: options.maxBad,
      allowMissingClasses: options.allowMissingClasses === true,
      allowStatistics: options.keepStatistics !== true,
      signal,
      log,
      clock: systemClock,
      onProgress(event) {
        tell(event)
        screen?.show(event)
      },
    })
    tell({ kind: 'ended', rounds, finished })
  } finally {
    screen?.close()
  }
}

function addAudit(group: Command): void {
  const command = withDir(group.command('audit'))
    .description(
      'show every byte that ever left this site, when and why, and check that the log is untouched',
    )
    .option('--json', 'one JSON line a frame, as stored')
    .action(async ({ dir, json }: { dir: string; json?: true }) => {
      await loadSite(dir)
      const shown = auditTable()
      const summary = await verifyAudit(auditFile(dir), (entry) => {
        if (json) print(JSON.stringify(entry))
        else shown.add(entry)
      })
      if (json) return
      print(shown.lines().join('\n'))
      const size = readableBytes(summary.bytes)
      print(
        `\nThe chain of ${summary.entries} lines is whole: ${size} have left. Last line: ${summary.head || 'none'}`,
      )
      if (summary.unfinished)
        print('One more line was cut off while it was written; nothing was sent for it.')
    })
  example(command, '$ tessera site audit --dir site-data')
}

/** What the tiles should be, from the flags or from the study that the site has joined. */
async function classesAndSize({
  dir,
  study,
  classes,
  size,
}: CheckOptions): Promise<{ classes: string[]; sizePx: number }> {
  if (study !== undefined) {
    const text = await readFile(studyFile(dir, study), 'utf8').catch((cause: unknown) => {
      throw new TesseraError(
        'ERR_STUDY_UNKNOWN',
        `study must be one that this site has joined, got ${study}: use --classes and --size before that`,
        { cause },
      )
    })
    const known = studySchema.parse(JSON.parse(text))
    return { classes: known.classes, sizePx: known.tile.sizePx }
  }
  if (classes === undefined || size === undefined) {
    throw new TesseraError('ERR_USAGE', 'check must have --study, or --classes and --size, got neither')
  }
  return { classes, sizePx: size }
}

/** Runs work until it is done or the process is told to stop; a second Ctrl-C ends it at once. */
async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  process.once('SIGINT', onSignal)
  process.once('SIGTERM', onSignal)
  // Timers of the clock do not keep a process alive, and while the site waits for its coordinator there is nothing else.
  const awake = setInterval(() => undefined, 60_000)
  try {
    return await work(stop.signal)
  } finally {
    clearInterval(awake)
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

/** JSON lines on standard error. Above a progress line only what needs attention is shown. */
function stderrLog(clock: Clock, note?: (text: string) => void): Log {
  if (note === undefined) return createLog((line) => void process.stderr.write(line), clock)
  const log = createLog((line) => note(line.trimEnd()), clock)
  const quiet = (base: Log): Log => ({ ...base, info() {}, child: (fields) => quiet(base.child(fields)) })
  return quiet(log)
}
