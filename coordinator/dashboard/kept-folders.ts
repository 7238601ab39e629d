/** @file Folders of files that pass through the dashboard, up to a study or down to a browser: a few at a time, for an hour, and none after a restart. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { explained } from '@tessera/shared/files'
import { createNonce } from '@tessera/shared/security'

/** Teacher and student of two forms, or some exports. With MAX_MODEL_BYTES each, this bounds the disk. */
const MAX_FOLDERS = 4
const KEEP_MS = 60 * 60_000

export interface KeptFolders {
  /** Makes an empty folder; the oldest gives way when there are too many. @throws {TesseraError} ERR_STORE_WRITE */
  make(): Promise<{ id: string; folder: string }>
  /** Null: there was none of this id, or it is gone. */
  find(id: string): string | null
  drop(id: string): Promise<void>
  /** Removes all of them. */
  close(): Promise<void>
}

/** Builds them below `dir`, which is emptied: what an earlier process left has nobody who asks for it. */
export async function createKeptFolders(dir: string, clock: Clock): Promise<KeptFolders> {
  await rm(dir, { recursive: true, force: true })
  /** In the order they were made, with how to take back their end. */
  const folders = new Map<string, () => void>()
  const place = (id: string): string => join(dir, id)
  const drop = async (id: string): Promise<void> => {
    folders.get(id)?.()
    if (folders.delete(id)) await rm(place(id), { recursive: true, force: true })
  }
  return {
    async make() {
      const [oldest] = folders.keys()
      if (folders.size >= MAX_FOLDERS && oldest !== undefined) await drop(oldest)
      const id = createNonce()
      await explained(() => mkdir(place(id), { recursive: true, mode: 0o700 }))
      folders.set(
        id,
        clock.schedule(() => void drop(id).catch(() => undefined), KEEP_MS),
      )
      return { id, folder: place(id) }
    },
    // Looked up, and never made of what somebody says.
    find: (id) => (folders.has(id) ? place(id) : null),
    drop,
    async close() {
      for (const id of folders.keys()) await drop(id)
    },
  }
}
