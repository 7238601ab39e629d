/**
 * @file A copy of a coordinator, made while it runs. Events are read first and files copied after them: an event is written after the files it names,
 * so every file is there. In the backup it is the other way round: files, then events, so that one that is cut off is still the earlier one.
 */
import { mkdir, readdir, realpath } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, tryLock } from '@tessera/shared/files'
import { TESSERA_VERSION } from '@tessera/shared/protocol'
import { loadCoordinator, storePlace } from '../config.ts'
import { readRows, removeLeftovers } from '../store/index.ts'
import { readBackupFile, SETTINGS_FILE, SIDE_FOLDERS, writeBackupFile } from './backup-file.ts'
import { assertComplete, type CopyOptions, copyContents } from './contents.ts'
import { writeRows } from './events.ts'
import { copySideFiles } from './side-files.ts'

export interface BackupReport {
  readonly events: number
  /** Models and updates that were copied, and those that an earlier backup in the folder had. */
  readonly copied: number
  readonly kept: number
  readonly bytes: number
}

/** All that a backup's folder may hold. */
const OURS: ReadonlySet<string> = new Set([
  ...SIDE_FOLDERS,
  SETTINGS_FILE,
  'models',
  'updates',
  'backup.json',
  'backup.lock',
])

/**
 * Writes a backup of the coordinator in `dir` into `out`: a new folder, or one with an earlier backup, of which only the difference is written.
 * @throws {TesseraError} ERR_BACKUP_FOLDER if `out` is something else; ERR_STORE_CORRUPT, ERR_STORE_WRITE, ERR_STORE_UNREACHABLE, ERR_CONFIG_INVALID
 */
export async function backupCoordinator(options: {
  dir: string
  out: string
  clock?: Clock | undefined
  onBytes?: CopyOptions['onBytes']
}): Promise<BackupReport> {
  const { dir, out, clock = systemClock, onBytes } = options
  await loadCoordinator(dir)
  const { coordinator } = await storePlace(dir)
  await assertApart(dir, out)
  await explained(() => mkdir(out, { recursive: true, mode: 0o700 }))
  await assertBackupFolder(out, coordinator)
  const unlock = await tryLock(join(out, 'backup.lock'))
  if (unlock === null) throw unfit('be written by one backup at a time', 'another that runs')
  try {
    // Of one that was cut off.
    for (const folder of ['models', 'updates']) await removeLeftovers(join(out, folder))
    const { rows, events } = await readRows(dir)
    const { files, kept, bytes } = await copyContents({ from: dir, to: out, onBytes })
    // After the files: what was removed meanwhile was announced in a statement before.
    const sideFiles = await copySideFiles(dir, out)
    await assertComplete(out, events)
    const head = await writeRows(out, coordinator, rows)
    await writeBackupFile(out, {
      format: 'tessera-backup-1',
      coordinator,
      version: TESSERA_VERSION,
      madeAtMs: clock.now(),
      events: head,
      files: sideFiles,
    })
    return { events: head.count, copied: files, kept, bytes }
  } finally {
    await unlock()
  }
}

/** @throws {TesseraError} ERR_BACKUP_FOLDER if one is in the other: a copy of itself would never end. */
export async function assertApart(one: string, other: string): Promise<void> {
  const [here, there] = [await realPath(one), await realPath(other)]
  const inside = (a: string, b: string): boolean => {
    const path = relative(a, b)
    return path === '' || !path.startsWith('..')
  }
  if (inside(here, there) || inside(there, here))
    throw unfit("be apart from the coordinator's", 'one inside the other')
}

/** Where links lead to; of what is not there yet, where its folder does. */
async function realPath(path: string): Promise<string> {
  const whole = resolve(path)
  return realpath(whole).catch(async (cause: unknown) => {
    const folder = dirname(whole)
    if (!isMissing(cause) || folder === whole) throw cause
    return join(await realPath(folder), basename(whole))
  })
}

async function assertBackupFolder(out: string, coordinator: string): Promise<void> {
  const strange = (await readdir(out)).find((name) => !OURS.has(name) && !name.startsWith('events.db'))
  if (strange !== undefined) throw unfit('be empty or hold an earlier backup', 'something else')
  const earlier = await readBackupFile(out)
  if (earlier !== null && earlier.coordinator !== coordinator)
    throw unfit("hold this coordinator's backup", "another's")
}

export function unfit(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_BACKUP_FOLDER', `backup folder must ${rule}, got ${got}`)
}
