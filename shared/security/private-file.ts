/** @file Creates a secret's file: readable by its owner only, whole or not at all, and never over another. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Creates `file` with mode 0600. The text goes to a temporary name, is synced, and is then linked to its name, which fails if
 * that is taken; a rename would overwrite.
 * @throws {NodeJS.ErrnoException} EEXIST if the file exists.
 */
export async function createFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    await link(temporary, file)
  } finally {
    await handle.close()
    await unlink(temporary)
  }
  const folder = await open(dirname(file), 'r')
  // A folder cannot be synced on Windows; there the file system's own journal must do.
  await folder.sync().catch(() => undefined)
  await folder.close()
}
