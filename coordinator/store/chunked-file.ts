/**
 * @file A delta on its way in: a file under its sender's name until it is whole, written chunk by chunk in whatever order they come.
 *
 * Nothing is open or in memory between two chunks; those that are written at the same time share one handle. After a crash the file is there as far as it came; which of its chunks are right is read off
 * their hashes, so a power cut in the middle of a write costs that chunk. A file grows only by what came: none is made long beforehand.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import {
  explained,
  lackingChunks,
  openAtAnyPlace,
  readAt,
  survivesPowerCuts,
  syncFolder,
  writeChunk,
} from '@tessera/shared/files'
import { type ChunkList, chunkLength } from '@tessera/shared/transfer'

const EXTENSION = '.part'

export interface ChunkedFile {
  readonly list: ChunkList
  /** Chunks that are not there. */
  readonly missing: ReadonlySet<number>
  /** Bytes that are there. */
  readonly bytes: number
  /** Puts a chunk to its place; it counts when this returns. Whether it is the listed one is the caller's to know. @throws {TesseraError} ERR_STORE_WRITE */
  write(index: number, chunk: Uint8Array): Promise<void>
  /** Runs `work`, which reads the file at any place; `read` fills `into` and fails where the file is shorter. @throws {TesseraError} ERR_STORE_CORRUPT */
  reading<T>(work: (read: (into: Uint8Array, position: number) => Promise<void>) => Promise<T>): Promise<T>
  /** Gives the file its name for good; it is safe when this returns. Again: nothing happens. @throws {TesseraError} ERR_STORE_WRITE */
  keep(): Promise<void>
  discard(): Promise<void>
}

/**
 * Goes on with the file `name` of `folder`, or begins it.
 * @param target Its name once it is kept.
 * @throws {TesseraError} ERR_STORE_WRITE
 */
export async function openChunkedFile(
  folder: string,
  name: string,
  list: ChunkList,
  target: string,
): Promise<ChunkedFile> {
  const file = join(folder, `${name}${EXTENSION}`)
  const using = async <T>(
    opening: Promise<FileHandle>,
    work: (handle: FileHandle) => Promise<T>,
  ): Promise<T> => {
    const handle = await opening
    try {
      return await work(handle)
    } finally {
      await handle.close()
    }
  }
  const missing = await explained(async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return using(openAtAnyPlace(file), (handle) => lackingChunks(handle, list))
  })
  let bytes = list.totalBytes
  for (const index of missing) bytes -= chunkLength(list.totalBytes, index)
  let kept = false
  /** The handle that writes share, from the first that begins to the last that ends. */
  let shared: { readonly handle: Promise<FileHandle>; users: number } | null = null
  const writing = async (work: (handle: FileHandle) => Promise<void>): Promise<void> => {
    shared ??= { handle: open(file, 'r+'), users: 0 }
    const mine = shared
    mine.users++
    try {
      await work(await mine.handle)
    } finally {
      mine.users--
      if (mine.users === 0) {
        if (shared === mine) shared = null
        await mine.handle.then((handle) => handle.close())
      }
    }
  }
  return {
    list,
    missing,
    get bytes() {
      return bytes
    },
    async write(index, chunk) {
      await explained(() => writing((handle) => writeChunk(handle, index, chunk)))
      if (missing.delete(index)) bytes += chunk.byteLength
    },
    reading: (work) =>
      using(open(file, 'r'), (handle) =>
        work(async (into, position) => {
          if ((await readAt(handle, into, position)) === into.length) return
          throw new TesseraError(
            'ERR_STORE_CORRUPT',
            'incoming delta must hold what has come, got a shorter file',
          )
        }),
      ),
    keep: () =>
      explained(async () => {
        if (!kept) {
          if (survivesPowerCuts(file)) await using(open(file, 'r+'), (handle) => handle.sync())
          await rename(file, target)
          kept = true
        }
        await syncFolder(dirname(target))
      }),
    discard: () => discardChunkedFile(folder, name),
  }
}

/** Names of the unfinished files in `folder`. */
export async function chunkedFiles(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch(() => [])
  return files.filter((file) => file.endsWith(EXTENSION)).map((file) => file.slice(0, -EXTENSION.length))
}

/** Removes one that nothing works on. @throws {TesseraError} ERR_STORE_WRITE */
export function discardChunkedFile(folder: string, name: string): Promise<void> {
  return explained(() => rm(join(folder, `${name}${EXTENSION}`), { force: true }))
}
