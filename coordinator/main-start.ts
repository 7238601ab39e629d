/** @file `tessera coordinator start`. */
import { systemClock } from '@tessera/shared/clock'
import { createLog, LOG_FORMATS, LOG_LEVELS, type LogStyle } from '@tessera/shared/log'
import { print } from '@tessera/shared/print'
import { untilStopped } from '@tessera/shared/until-stopped'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { startCoordinator } from './server.ts'

const port = (text: string): number => {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a port.')
}

interface StartOptions {
  dir: string
  host?: string
  port?: number
  readyJson?: true
  progressJson?: true
  untilFinished?: true
  logLevel: LogStyle['level']
  logFormat: LogStyle['format']
}

/** Adds the verb to the group `coordinator`. */
export function addStart(group: Command): void {
  group
    .command('start')
    .option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
    .summary('serve the studies until stopped')
    .description('serve the studies until stopped; Ctrl-C stops cleanly, a second one at once')
    .option('--host <host>', 'address to listen on (default: as set by init)')
    .option('--port <port>', 'port to listen on, 0 for any (default: as set by init)', port)
    .option('--until-finished', 'stop when every study is finished')
    .option('--ready-json', 'say that it listens as one line of JSON: port, url, publicKey, fingerprint')
    .option('--progress-json', 'tell every change of a study as a line of JSON')
    .addOption(
      new Option('--log-level <level>', 'lowest that the log shows').choices(LOG_LEVELS).default('info'),
    )
    .addOption(new Option('--log-format <format>', 'of its lines').choices(LOG_FORMATS).default('json'))
    .action((options: StartOptions) => untilStopped((signal) => start(options, signal)))
    .addHelpText('after', '\nExample:\n  $ tessera coordinator start --dir /srv/tessera')
}

async function start(
  { dir, host, port, readyJson, progressJson, untilFinished, logLevel, logFormat }: StartOptions,
  stop: AbortSignal,
): Promise<void> {
  const coordinator = await startCoordinator({
    dir,
    host,
    port,
    log: createLog(
      (line) => process.stderr.write(line),
      systemClock,
      {},
      { level: logLevel, format: logFormat },
    ),
    onProgress: progressJson
      ? (progress) => print(JSON.stringify({ type: 'progress', ...progress }))
      : undefined,
  })
  const { url, publicKey, fingerprint } = coordinator
  if (readyJson) print(JSON.stringify({ type: 'ready', port: coordinator.port, url, publicKey, fingerprint }))
  else {
    print(`Coordinator listens on ${url}. Fingerprint: ${fingerprint}. Ctrl-C stops it.`)
    print(`Dashboard: ${url}/dashboard/, sign in with tessera coordinator dashboard link.`)
  }
  try {
    await Promise.race([
      untilFinished ? coordinator.ended : new Promise<never>(() => undefined),
      aborted(stop),
    ])
  } finally {
    await coordinator.close()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
