/** @file From a backup to a coordinator's folder, on any machine. Nothing is believed before its hash; the settings come last, so that half a folder starts no coordinator. */
import { access, mkdir, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, writeDurably } from '@tessera/shared/files'
import { fingerprint } from '@tessera/shared/security'
import { type CoordinatorConfig, parseSettings, writeSettings } from '../config.ts'
import { storedEvent } from '../events.ts'
import { loadKeys } from '../keys.ts'
import { type Row, readPostgresTable, readSqliteTable, rowsOf } from '../store/index.ts'
import { assertApart, unfit } from './backup.ts'
import { type BackupFile, broken, readBackupFile, SETTINGS_FILE } from './backup-file.ts'
import { assertComplete, type CopyOptions, copyContents } from './contents.ts'
import { writeRows } from './events.ts'
import { readSideFile } from './side-files.ts'

export interface RestoreOptions {
  readonly backup: string
  /** A new or empty folder. */
  readonly dir: string
  /** In place of the backup's settings. */
  readonly url?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** PostgreSQL database that takes the events over at the first start; without it they are in a file, wherever they were before. */
  readonly store?: string | undefined
  readonly onBytes?: CopyOptions['onBytes']
}

export interface RestoreReport {
  readonly config: CoordinatorConfig
  readonly fingerprint: string
  readonly madeAtMs: number
  readonly events: number
  readonly files: number
  readonly bytes: number
  /** Files of the settings that are not in the folder and not on this machine: certificates of the operator's own. */
  readonly missing: readonly string[]
}

/**
 * Restores a backup.
 * @throws {TesseraError} ERR_BACKUP_FOLDER if `dir` is not empty; ERR_BACKUP_BROKEN or ERR_STORE_CORRUPT if the backup is not as it was written;
 * ERR_STORE_NEWER if a newer Tessera has made it; ERR_CONFIG_INVALID; ERR_STORE_FOREIGN if the database has events of this coordinator already.
 */
export async function restoreCoordinator(options: RestoreOptions): Promise<RestoreReport> {
  const { backup, dir, url, host, port, store, onBytes } = options
  await assertApart(backup, dir)
  const about = await readBackupFile(backup)
  if (about === null) throw broken('backup.json', 'none: the backup was cut off, or this is another folder')
  await assertEmpty(dir)
  const settings = await readSettings(backup, about, { url, host, port, store })
  const { rows, events } = await readBackupRows(backup, about)
  if (store !== undefined) await assertFresh(store, about.coordinator)

  await explained(() => mkdir(dir, { recursive: true, mode: 0o700 }))
  const { files, bytes } = await copyContents({ from: backup, to: dir, onBytes })
  for (const file of about.files) {
    const content = await readSideFile(backup, file)
    if (file.path !== SETTINGS_FILE) await writeDurably(join(dir, file.path), content)
  }
  const { key, ring } = await loadKeys(dir)
  if (fingerprint(ring.keys[0] ?? ring.current) !== about.coordinator)
    throw broken('key', "another coordinator's")
  await assertComplete(dir, events)
  await writeRows(dir, about.coordinator, rows)
  const config = await writeSettings(dir, settings)
  return {
    config,
    fingerprint: fingerprint(key.publicKey),
    madeAtMs: about.madeAtMs,
    events: rows.length,
    files,
    bytes,
    missing: await missingFiles(dir, config),
  }
}

async function assertEmpty(dir: string): Promise<void> {
  const names = await readdir(dir).catch((cause: unknown) => {
    if (isMissing(cause)) return []
    throw new TesseraError('ERR_BACKUP_FOLDER', 'restored folder must be a folder, got another file', {
      cause,
    })
  })
  if (names.length > 0) throw unfit('be restored into a new folder', 'one that has files')
}

async function readSettings(
  backup: string,
  { files }: BackupFile,
  changes: Pick<RestoreOptions, 'url' | 'host' | 'port' | 'store'>,
): Promise<CoordinatorConfig> {
  const entry = files.find(({ path }) => path === SETTINGS_FILE)
  if (entry === undefined) throw broken(SETTINGS_FILE, 'none')
  const config = parseSettings((await readSideFile(backup, entry)).toString('utf8'))
  const { url = config.url, host = config.host, port = config.port, store } = changes
  return { ...config, url, host, port, store }
}

/** The rows of a backup, and their events, if they reach as far as it says. */
async function readBackupRows(
  backup: string,
  { coordinator, events: head }: BackupFile,
): Promise<{ rows: Row[]; events: ReturnType<typeof storedEvent.parse>[] }> {
  const table = await readSqliteTable(join(backup, 'events.db'), coordinator)
  if (table === null) throw broken('events.db', 'none')
  try {
    const read = await rowsOf(table, (value) => storedEvent.parse(value))
    // More: a later backup was cut off after its events. Its files were there before them.
    if (read.rows.length < head.count || (read.rows[head.count - 1]?.checksum ?? '') !== head.checksum) {
      throw broken('events.db', 'other events')
    }
    return read
  } finally {
    await table.close()
  }
}

/** A database that goes on from later events would be a coordinator that this backup knows nothing of. */
async function assertFresh(url: string, coordinator: string): Promise<void> {
  const table = await readPostgresTable(url, coordinator)
  const { count } = await table.scan(() => undefined).finally(() => table.close())
  if (count === 0) return
  throw new TesseraError(
    'ERR_STORE_FOREIGN',
    `database must have no event of this coordinator, got ${count}: use another, or restore without it`,
  )
}

async function missingFiles(dir: string, { tls }: CoordinatorConfig): Promise<string[]> {
  const missing: string[] = []
  for (const name of ['cert', 'key', 'clientCa'] as const) {
    const path = tls?.[name]
    if (path === undefined) continue
    await access(resolve(dir, path)).catch(() => missing.push(`tls.${name}`))
  }
  return missing
}
