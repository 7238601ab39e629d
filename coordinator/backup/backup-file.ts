/**
 * @file What stands in a backup's `backup.json`. A backup has the layout of a coordinator's folder: `events.db`, `models/`, `updates/`, and the files
 * that are listed here. It is written last, so that a backup without it is one that was cut off.
 */
import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, writeDurably } from '@tessera/shared/files'
import { sha256 } from '@tessera/shared/protocol'
import { z } from 'zod'

/** Largest of the files beside models and updates: 120 changes of the key, each a quarter of a signed text, are 30 MiB. */
const MAX_SIDE_FILE_BYTES = 64 * 1024 * 1024
/** Two a kit that nobody has used, and one a study: more would be another program's folder. */
const MAX_SIDE_FILES = 20_000
/** 20,000 entries of 300 characters. */
const MAX_BACKUP_FILE_BYTES = 8 * 1024 * 1024

/** Folders of a coordinator whose files are copied as they are. `inbox/` is not: what waits there has not happened. */
export const SIDE_FOLDERS = ['keys', 'ledger'] as const
export const SETTINGS_FILE = 'coordinator.json'

/** Within {@link SIDE_FOLDERS} or the settings, and nowhere else: a backup's list says where a restore writes. */
const sidePath = z
  .string()
  .regex(/^(?:coordinator\.json|(?:keys|ledger)(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}){1,2})$/)

const backupFile = z.strictObject({
  format: z.literal('tessera-backup-1'),
  /** Fingerprint of the coordinator's first key. */
  coordinator: z.string().min(1).max(100),
  /** Of the Tessera that made it. */
  version: z.string().max(32),
  madeAtMs: z.int().positive(),
  /** How far the log went. */
  events: z.strictObject({ count: z.int().min(0), checksum: z.string().max(64) }),
  files: z
    .array(z.strictObject({ path: sidePath, bytes: z.int().min(0).max(MAX_SIDE_FILE_BYTES), sha256 }))
    .max(MAX_SIDE_FILES),
})
export type BackupFile = z.infer<typeof backupFile>
export type SideFile = BackupFile['files'][number]

/** Null when the folder has none. @throws {TesseraError} ERR_BACKUP_BROKEN */
export async function readBackupFile(folder: string): Promise<BackupFile | null> {
  try {
    const file = join(folder, 'backup.json')
    const found = await lstat(file)
    const { size } = found
    if (!found.isFile()) throw broken('backup.json', 'no file')
    if (size > MAX_BACKUP_FILE_BYTES) throw broken('backup.json', `${size} bytes`)
    return backupFile.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    if (isMissing(cause)) return null
    throw cause instanceof TesseraError ? cause : broken('backup.json', 'another text', cause)
  }
}

export async function writeBackupFile(folder: string, content: BackupFile): Promise<void> {
  await writeDurably(join(folder, 'backup.json'), `${JSON.stringify(backupFile.parse(content), null, 2)}\n`)
}

/** @param what Of the backup. */
export function broken(what: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_BACKUP_BROKEN', `${what} must be as the backup was written, got ${got}`, {
    cause,
  })
}
