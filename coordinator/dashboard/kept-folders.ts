/** @file Folders of files that pass through the dashboard, up to a study or down to a browser: a few at a time, for an hour, and none after a restart. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { explained } from '@tessera/shared/files'
import { createNonce } from '@tessera/shared/security'

/** Teacher and student of two forms, or some exports. With MAX_MODEL_BYTES each, this bounds the disk. */
const MAX_FOLDERS = 4
const KEEP_MS = 60 * 60_000

export interface KeptFolders {
  /**
   * Makes a folder and keeps it when `fill` has filled it; the oldest full one gives way when there are too many. One that is being filled does not: what is
   * removed while somebody writes it takes its room on the disk all the same.
   * @throws {TesseraError} ERR_RATE_LIMIT when all of them are being filled; ERR_STORE_WRITE; what `fill` throws, and nothing is kept then.
   */
  make<T>(fill: (folder: string) => Promise<T>): Promise<{ id: string; made: T }>
  /** Null: there was none of this id, or it is gone. */
  find(id: string): string | null
  drop(id: string): Promise<void>
  /** Removes all of them. */
  close(): Promise<void>
}

/** Builds them below `dir`, which is emptied: what an earlier process left has nobody who asks for it. */
export async function createKeptFolders(dir: string, clock: Clock): Promise<KeptFolders> {
  await rm(dir, { recursive: true, force: true })
  /** In the order they were made, with how to take back their end; null: being filled. */
  const folders = new Map<string, (() => void) | null>()
  const place = (id: string): string => join(dir, id)
  const drop = async (id: string): Promise<void> => {
    folders.get(id)?.()
    if (folders.delete(id)) await rm(place(id), { recursive: true, force: true })
  }
  /** Its place is taken before anything is waited for: of many who come at once none gets one too many. */
  const enter = async (id: string): Promise<void> => {
    const oldest = [...folders].find(([, takeBack]) => takeBack !== null)?.[0]
    if (folders.size >= MAX_FOLDERS && oldest === undefined) {
      throw new TesseraError(
        'ERR_RATE_LIMIT',
        `files must be at most ${MAX_FOLDERS} under way at once, got one more: wait for the others`,
      )
    }
    folders.set(id, null)
    if (folders.size > MAX_FOLDERS && oldest !== undefined) await drop(oldest)
  }
  return {
    async make(fill) {
      const id = createNonce()
      await enter(id)
      try {
        await explained(() => mkdir(place(id), { recursive: true, mode: 0o700 }))
        const made = await fill(place(id))
        folders.set(
          id,
          clock.schedule(() => void drop(id).catch(() => undefined), KEEP_MS),
        )
        return { id, made }
      } catch (thrown) {
        await drop(id)
        throw thrown
      }
    },
    // Looked up, and never made of what somebody says.
    find: (id) => (folders.get(id) ? place(id) : null),
    drop,
    async close() {
      for (const id of folders.keys()) await drop(id)
    },
  }
}
