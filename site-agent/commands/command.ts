/** @file What the verbs of a site share: options, output, and the end by Ctrl-C. */
import type { Clock } from '@tessera/shared/clock'
import { createLog, type Log } from '@tessera/shared/log'
import { type Command, InvalidArgumentError } from 'commander'

export function whole(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a whole number.')
}

/** A share, 0 to 1. */
export function share(text: string): number {
  const value = Number(text)
  if (text !== '' && value >= 0 && value <= 1) return value
  throw new InvalidArgumentError('must be a number from 0 to 1.')
}

export function withDir(command: Command): Command {
  return command.option(
    '-d, --dir <folder>',
    "the site's folder: identity, private key, audit log",
    'site-data',
  )
}

/** What counts as a usable folder of tiles. */
export interface DataRules {
  maxBad: number
  allowMissingClasses?: true
}

export function withDataRules(command: Command): Command {
  return command
    .option('--max-bad <share>', 'share of files that may be unreadable or not RGB', share, 0.05)
    .option('--allow-missing-classes', 'accept classes of the study that this site has no tiles of')
}

export function example(command: Command, text: string): void {
  command.addHelpText('after', `\nExample:\n  ${text}`)
}

/** Runs work until it is done or the process is told to stop; a second Ctrl-C ends it at once. */
export async function untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
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
export function stderrLog(clock: Clock, note?: (text: string) => void): Log {
  if (note === undefined) return createLog((line) => void process.stderr.write(line), clock)
  const log = createLog((line) => note(line.trimEnd()), clock)
  const quiet = (base: Log): Log => ({ ...base, info() {}, child: (fields) => quiet(base.child(fields)) })
  return quiet(log)
}
