/** @file Files that are there whole or not at all, also after a power cut: temporary name, sync, rename, folder sync. */
import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'

/** Writes `file`, over an older one if there is one. Only its owner may read it. @throws {TesseraError} ERR_STORE_WRITE */
export async function writeDurably(file: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  await explained(async () => {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(temporary, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } catch (cause) {
      await rm(temporary, { force: true })
      throw cause
    } finally {
      await handle.close()
    }
  })
  await renameDurably(temporary, file)
}

/** Gives a synced file another name; over an older file if there is one. @throws {TesseraError} ERR_STORE_WRITE */
export async function renameDurably(from: string, to: string): Promise<void> {
  await explained(async () => {
    await rename(from, to)
    const folder = await open(dirname(to), 'r')
    // Windows cannot sync a folder; there the file system's journal must do.
    await folder.sync().catch(() => undefined)
    await folder.close()
  })
}

/** Runs file work; what the system refuses becomes ERR_STORE_WRITE, without a path. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof TesseraError) throw cause
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw new TesseraError('ERR_STORE_WRITE', `site folder must be writable, got ${reason}`, { cause })
  }
}

/** True when a file operation failed because the file is not there. */
export function isMissing(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException | null)?.code === 'ENOENT'
}
