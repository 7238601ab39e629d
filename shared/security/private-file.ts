/** @file Creates a secret's file: readable by its owner only, whole or not at all, and never over another. */
import { link, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { settle, syncFolder, temporaryName } from '../files/index.ts'

/**
 * Creates `file` with mode 0600. The text goes to a temporary name, is synced, and is then linked to its name, which fails if
 * that is taken; a rename would overwrite.
 * @throws {NodeJS.ErrnoException} EEXIST if the file exists.
 */
export async function createSecretFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const temporary = temporaryName(dirname(file))
  const handle = await open(temporary, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await settle(handle, file)
    await link(temporary, file)
  } finally {
    await handle.close()
    await unlink(temporary)
  }
  await syncFolder(dirname(file))
}
