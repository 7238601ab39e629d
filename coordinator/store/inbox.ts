/**
 * @file How an operator's command reaches a coordinator that is running: as a file in `inbox/`, since only one process writes the log.
 * The coordinator looks there before it decides about a site, and every few seconds.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import { createNonce } from '@tessera/shared/security'

const EXTENSION = '.json'

/** Leaves an event for the running coordinator. Files are taken in the order of `atMs`. */
export async function post(dir: string, event: { readonly atMs: number }): Promise<void> {
  const file = `${String(event.atMs).padStart(15, '0')}-${createNonce()}${EXTENSION}`
  await writeDurably(join(dir, 'inbox', file), JSON.stringify(event))
}

/** Hands each waiting event to `apply`, oldest first, and removes it once that has returned. A crash in between applies it again. */
export async function collect<E>(
  dir: string,
  parse: (value: unknown) => E,
  apply: (event: E) => Promise<void>,
): Promise<void> {
  const folder = join(dir, 'inbox')
  await mkdir(folder, { recursive: true })
  for (const name of (await readdir(folder)).filter((file) => file.endsWith(EXTENSION)).toSorted()) {
    const file = join(folder, name)
    const event = parseText(await readFile(file, 'utf8'), parse)
    // Out of the way, so that it does not hold up the commands behind it; kept, so that it can be looked at.
    if (event === null) await rename(file, `${file}.refused`)
    if (event === null)
      throw new TesseraError('ERR_STORE_CORRUPT', 'command must be as it was posted, got another text')
    await apply(event)
    await rm(file, { force: true })
  }
}

function parseText<E>(text: string, parse: (value: unknown) => E): E | null {
  try {
    return parse(JSON.parse(text))
  } catch {
    return null
  }
}
