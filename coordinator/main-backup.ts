/** @file The operator's verbs for a copy of the coordinator: backup, restore. */
import { systemClock } from '@tessera/shared/clock'
import { print } from '@tessera/shared/print'
import { readableBytes } from '@tessera/shared/readable'
import { createWorkLine } from '@tessera/shared/work-line'
import { type Command, InvalidArgumentError } from 'commander'
import { backupCoordinator, type RestoreReport, restoreCoordinator } from './backup/index.ts'

const port = (text: string): number => {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('must be a port.')
}
const example = (command: Command, text: string): Command =>
  command.addHelpText('after', `\nExample:\n  $ tessera coordinator ${text}`)

/** Adds the verbs to the group `coordinator`. */
export function addBackupVerbs(group: Command): void {
  const backup = group
    .command('backup <folder>')
    .summary('copy the coordinator, also while it runs')
    .description(
      'copy the coordinator, also while it runs: events, models, updates, settings and keys, read back; into the same folder again, only what is new',
    )
    .option('-d, --dir <folder>', "the coordinator's folder", 'coordinator-data')
    .action(async (out: string, { dir }: { dir: string }) => {
      const made = await withProgress('copying', (onBytes) => backupCoordinator({ dir, out, onBytes }))
      const earlier = made.kept > 0 ? `, ${made.kept} were there` : ''
      print(
        `Backup of ${made.events} events: ${made.copied} files copied (${readableBytes(made.bytes)})${earlier}.`,
      )
      print('It holds the private key: keep it as you keep the folder.')
    })
  example(backup, 'backup /backup/tessera --dir /srv/tessera')

  const restore = group
    .command('restore <backup>')
    .summary('make a coordinator from a backup')
    .description('make a coordinator from a backup, on this machine or another; every hash is checked')
    .requiredOption('-d, --dir <folder>', 'a new folder')
    .option('--url <url>', 'address the sites use (default: as it was)')
    .option('--host <host>', 'address to listen on (default: as it was)')
    .option('--port <port>', 'port to listen on (default: as it was)', port)
    .option('--store <url>', 'PostgreSQL database that takes its events over (default: a file)')
    .action(async (backup: string, options: RestoreFlags) => {
      const made = await withProgress('restoring', (onBytes) =>
        restoreCoordinator({ ...options, backup, onBytes }),
      )
      print(restoredText(made, options.dir).join('\n'))
    })
  example(restore, 'restore /backup/tessera --dir /srv/tessera --url https://fl2.example.org')
}

interface RestoreFlags {
  readonly dir: string
  readonly url?: string
  readonly host?: string
  readonly port?: number
  readonly store?: string
}

function restoredText(made: RestoreReport, dir: string): string[] {
  const { config, fingerprint, madeAtMs, events, files, bytes, missing } = made
  return [
    `Restored into ${dir}: ${events} events and ${files} files (${readableBytes(bytes)}), as of ${new Date(madeAtMs).toISOString()}.`,
    `Fingerprint ${fingerprint}, for ${config.url}.`,
    ...(missing.length > 0
      ? [`Not in the backup and not here: the files of ${missing.join(', ')} in coordinator.json.`]
      : []),
    '',
    'Next:',
    '  1. See that the old coordinator is off for good: two of one key would halt their studies.',
    `  2. tessera ledger verify ${dir}`,
    `  3. tessera coordinator start --dir ${dir}`,
    `  4. Sites come back by themselves at ${config.url}; at another address than in their kits they need`,
    '     tessera site start --coordinator URL.',
  ]
}

/** A bar on a terminal's standard error while bytes are copied. */
async function withProgress<T>(
  what: string,
  work: (onBytes: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  if (!process.stderr.isTTY) return work(() => undefined)
  const write = (text: string): void => void process.stderr.write(text)
  const line = createWorkLine(what, write, systemClock, readableBytes)
  try {
    return await work((done, total) => line.show(done, total))
  } finally {
    line.close()
  }
}
