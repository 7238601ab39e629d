/** @file Files that are there whole or not at all, also after a power cut: temporary name, sync, rename, folder sync. */
import { randomBytes } from 'node:crypto'
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TesseraError } from '../errors.ts'
import { survivesPowerCuts } from './power-cut.ts'

/** Names of files that are not yet whole begin with this; what is left of them after a crash may be removed. */
export const TEMPORARY_PREFIX = '.tmp-'

/** A fresh temporary name in `folder`. */
export function temporaryName(folder: string): string {
  return join(folder, `${TEMPORARY_PREFIX}${randomBytes(8).toString('hex')}`)
}

/**
 * Writes `file`, which may be given in pieces, over an older one if there is one; makes its folder.
 * @param mode Of the file; by default only its owner may read it.
 * @throws {TesseraError} ERR_STORE_WRITE
 */
export async function writeDurably(
  file: string,
  content: Uint8Array | string | readonly Uint8Array[],
  mode = 0o600,
): Promise<void> {
  const folder = dirname(file)
  const pieces = piecesOf(content)
  const folderMode = mode === 0o600 ? 0o700 : 0o755
  await explained(async () => {
    if (!survivesPowerCuts(file)) return writeToSystem(file, pieces, mode, folderMode)
    await mkdir(folder, { recursive: true, mode: folderMode })
    const temporary = temporaryName(folder)
    const handle = await open(temporary, 'wx', mode)
    try {
      for (const piece of pieces) await writeWhole(handle, piece)
      await handle.sync()
    } catch (cause) {
      await rm(temporary, { force: true })
      throw cause
    } finally {
      await handle.close()
    }
    await renameDurably(temporary, file)
  })
}

function piecesOf(content: Uint8Array | string | readonly Uint8Array[]): readonly Uint8Array[] {
  if (typeof content === 'string') return [Buffer.from(content)]
  return content instanceof Uint8Array ? [content] : content
}

/** Without the disk there is nothing to wait for: the system copies the bytes in less time than another thread needs to wake up. */
function writeToSystem(file: string, pieces: readonly Uint8Array[], mode: number, folderMode: number): void {
  const temporary = temporaryName(dirname(file))
  const descriptor = openAnew(temporary, mode, folderMode)
  try {
    for (const bytes of pieces) {
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written)
    }
    renameSync(temporary, file)
  } catch (cause) {
    rmSync(temporary, { force: true })
    throw cause
  } finally {
    closeSync(descriptor)
  }
}

/** Opens a new file; makes its folder where there is none. */
function openAnew(file: string, mode: number, folderMode: number): number {
  try {
    return openSync(file, 'wx', mode)
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    mkdirSync(dirname(file), { recursive: true, mode: folderMode })
    return openSync(file, 'wx', mode)
  }
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten
  }
}

/** Gives a synced file another name; over an older file if there is one. @throws {TesseraError} ERR_STORE_WRITE */
export async function renameDurably(from: string, to: string): Promise<void> {
  await explained(async () => {
    await rename(from, to)
    await syncFolder(dirname(to))
  })
}

/** Makes the names in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  if (!survivesPowerCuts(join(folder, 'any'))) return
  const handle = await open(folder, 'r')
  // Windows cannot sync a folder; there the file system's journal must do.
  await handle.sync().catch(() => undefined)
  await handle.close()
}

/** Runs file work; what the system refuses becomes ERR_STORE_WRITE, without a path. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof TesseraError) throw cause
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw new TesseraError('ERR_STORE_WRITE', `folder must be writable, got ${reason}`, { cause })
  }
}

/** True when a file operation failed because the file is not there. */
export function isMissing(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException | null)?.code === 'ENOENT'
}
