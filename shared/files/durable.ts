/** @file Files that are there whole or not at all, also after a power cut: temporary name, sync, rename, folder sync. */
import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TesseraError } from '../errors.ts'

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
  await explained(async () => {
    await mkdir(folder, { recursive: true, mode: mode === 0o600 ? 0o700 : 0o755 })
    const temporary = temporaryName(folder)
    const handle = await open(temporary, 'wx', mode)
    try {
      for (const piece of Array.isArray(content) ? content : [content]) await writeWhole(handle, piece)
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

async function writeWhole(handle: FileHandle, content: Uint8Array | string): Promise<void> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
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
