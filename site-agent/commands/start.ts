/** @file `tessera site start`. */
import { systemClock } from '@tessera/shared/clock'
import type { EngineChoice } from '@tessera/shared/engine'
import { asTesseraError } from '@tessera/shared/errors'
import { LOG_FORMATS, LOG_LEVELS, type Log, type LogStyle } from '@tessera/shared/log'
import { print } from '@tessera/shared/print'
import { TESSERA_VERSION } from '@tessera/shared/protocol'
import { untilStopped } from '@tessera/shared/until-stopped'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Listen, parseListen } from '../dashboard/address.ts'
import type { Dashboard } from '../dashboard/open.ts'
import { checkTiles } from '../data-check/check-tiles.ts'
import type { openAgentMetrics } from '../operation/index.ts'
import { loadPolicy } from '../policy/index.ts'
import { dryRunLines } from '../screen/dry-run-lines.ts'
import { createScreen } from '../screen/progress-line.ts'
import { type AgentOptions, runAgent } from '../session/agent.ts'
import { dryRun } from '../session/dry-run.ts'
import type { AgentEvent } from '../session/events.ts'
import { isRotationOpen, rotateSiteKey } from '../session/rotate-key.ts'
import { loadSite } from '../session/site-folder.ts'
import { approvalPrompt } from './approval-prompt.ts'
import { type DataFlags, dataRules, example, stderrLog, whole, withDataRules, withDir } from './command.ts'
import { dashboardBeside } from './dashboard-beside.ts'

interface StartFlags extends DataFlags {
  dir: string
  study: string
  data: string
  coordinator?: string
  engine?: EngineChoice
  dryRun?: true
  progressJson?: true
  metricsPort?: number
  logLevel: LogStyle['level']
  logFormat: LogStyle['format']
  /** False: `--no-dashboard`. */
  dashboard: boolean
  dashboardPort?: Listen
}

/** Not the engine's own list: `--help` would load TensorFlow.js. */
const ENGINES: Record<EngineChoice, true> = { auto: true, wasm: true, tensorflow: true, cpu: true }

export function addStart(group: Command): void {
  const command = withDataRules(withDir(group.command('start')))
    .description('join a study and train every round it offers, until it is finished; Ctrl-C stops cleanly')
    .requiredOption('--study <id>', 'the study to join')
    .requiredOption(
      '--data <folder>',
      'the tiles: a folder with one folder a class, a manifest or an .npz; read only, nothing of it leaves',
    )
    .option('--coordinator <url>', "another address than the kit's; the coordinator's key stays pinned")
    .option(
      '--dry-run',
      'train one round and print what would leave; join and fetch models, send nothing else',
    )
    .option('--progress-json', 'print progress as JSON lines to standard output, for a parent program')
    .option(
      '--dashboard-port <port>',
      "port of this site's own page, on 127.0.0.1 of this machine only (default: any that is free)",
      listenOption,
    )
    .option('--no-dashboard', "without this site's own page")
    .option('--metrics-port <port>', 'serve /metrics for Prometheus on this port of 127.0.0.1', whole)
    .addOption(
      new Option('--log-level <level>', 'lowest that the log shows').choices(LOG_LEVELS).default('info'),
    )
    .addOption(new Option('--log-format <format>', 'of its lines').choices(LOG_FORMATS).default('json'))
    .addOption(
      new Option('--engine <name>', 'what computes (default: TESSERA_ENGINE, else auto)').choices(
        Object.keys(ENGINES),
      ),
    )
    .action((flags: StartFlags) => untilStopped((signal) => start(flags, signal)))
  example(command, '$ tessera site start --study colon --data tiles --dir site-data')
}

async function start(flags: StartFlags, signal: AbortSignal): Promise<void> {
  const { dir, study, progressJson } = flags
  // Before the engine: a folder that is not enrolled, or whose policy nobody signed, is found out at once.
  await loadPolicy(dir, await loadSite(dir))
  if (await isRotationOpen(dir)) {
    const { coordinator: coordinatorUrl } = flags
    await rotateSiteKey({ dir, coordinatorUrl, signal, clock: systemClock, log: stderrLog(systemClock) })
  }
  const { startEngine } = await import('@tessera/shared/engine')
  const engine = await startEngine(flags.engine ? { engine: flags.engine } : {})
  const screen =
    process.stderr.isTTY && !progressJson ? createScreen((text) => void process.stderr.write(text)) : null
  const log = stderrLog(systemClock, { level: flags.logLevel, format: flags.logFormat }, screen?.note)
  if (screen === null) log.info('engine.started', { engine: engine.description })
  screen?.note(engine.description)
  const tell = (event: object): void => {
    if (progressJson) print(JSON.stringify(event))
  }
  tell({ kind: 'engine', name: engine.name, description: engine.description })
  const prompt =
    screen && process.stdin.isTTY ? approvalPrompt(process.stdin, screen.note, { dir, study }) : null
  const metrics = flags.metricsPort === undefined ? null : await openMetrics(flags.metricsPort, log)
  const beside =
    flags.dashboard && !flags.dryRun
      ? dashboardBeside(() => openBeside(flags, engine.description, log), {
          opened({ url, link }) {
            // A link signs in who reads it: a terminal's reader, and not everybody who reads a log.
            screen?.note(`This site's page, for a browser on this machine, once: ${link}`)
            tell({ kind: 'dashboard', url })
          },
          failed: ({ code, message }) => log.warn('dashboard.missing', { code, reason: message }),
        })
      : null
  try {
    const options: AgentOptions = {
      dir,
      dataDir: flags.data,
      study,
      coordinatorUrl: flags.coordinator,
      dataRules: dataRules(flags),
      engine: engine.name,
      signal,
      log,
      clock: systemClock,
      onProgress(event: AgentEvent) {
        tell(event)
        screen?.show(event)
        prompt?.see(event)
        beside?.see(event)
        metrics?.see(event)
      },
    }
    if (flags.dryRun) {
      const found = await dryRun(options)
      screen?.close()
      print(progressJson ? JSON.stringify({ kind: 'dry-run', ...found }) : dryRunLines(found).join('\n'))
      return
    }
    const { rounds, finished } = await runAgent(options)
    tell({ kind: 'ended', rounds, finished })
  } finally {
    await beside?.close()
    metrics?.close()
    prompt?.close()
    screen?.close()
  }
}

async function openMetrics(port: number, log: Log): ReturnType<typeof openAgentMetrics> {
  const { openAgentMetrics } = await import('../operation/index.ts')
  return openAgentMetrics(port, systemClock, log)
}

async function openBeside(flags: StartFlags, engine: string, log: Log): Promise<Dashboard> {
  const { dir, study, data: dataDir, dashboardPort = { host: '127.0.0.1', port: 0 } } = flags
  const site = await loadSite(dir)
  const rules = dataRules(flags)
  // Loaded late: the other verbs need no server.
  const [{ openDashboard }, { builtPage }] = await Promise.all([
    import('../dashboard/open.ts'),
    import('@tessera/dashboard/built'),
  ])
  return openDashboard({
    dir,
    site,
    study,
    coordinatorUrl: flags.coordinator ?? site.coordinatorUrl,
    version: TESSERA_VERSION,
    // Its own word for itself stands beside it.
    engine: engine.replace(/^engine: /, ''),
    listen: dashboardPort,
    page: () => builtPage('site'),
    checkTiles: (options) => checkTiles({ ...options, dataDir, dataRules: rules }),
    clock: systemClock,
    log,
  })
}

function listenOption(text: string): Listen {
  try {
    return parseListen(text)
  } catch (thrown) {
    throw new InvalidArgumentError(asTesseraError(thrown).message)
  }
}
