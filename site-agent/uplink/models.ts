/**
 * @file Fetches models by their hash, chunk by chunk and several at once, and keeps them: `cache/<sha256>`, and `cache/<sha256>.part` while one is
 * coming in. What a part holds is read off the hashes of its chunks, so neither a cut nor a crash costs more than the chunks that were under way; what
 * comes is hashed once, as a whole, before it is used.
 * Nothing is synced: a file is believed by its hash alone, whenever it is read, and what a power cut takes is fetched again.
 */
import { type FileHandle, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { explained, isMissing, lackingChunks, openAtAnyPlace, writeChunk } from '@tessera/shared/files'
import { WINDOW_CHUNKS } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { type ChunkList, chunkCount, chunkLength, DIGEST_BYTES, inWindow } from '@tessera/shared/transfer'
import type { Ask } from './connection.ts'

/** A wrong hash once may be a bad disk or a file cut short; twice it is the wrong file. */
const ATTEMPTS = 2

export interface FetchOptions {
  readonly dir: string
  readonly sha256: string
  /** Size that a signed offer states; absent when nothing does. */
  readonly bytes?: number
  /** Asks again by itself after a cut; the download goes on where it was. */
  readonly ask: Ask
  readonly signal: AbortSignal
  readonly onProgress?: (bytes: number, totalBytes: number) => void
}

/**
 * Gives a model's bytes, from the disk if they are there and whole.
 * @throws {TesseraError} ERR_MODEL_HASH if what comes twice has another hash or size; ERR_MODEL_UNKNOWN; ERR_STORE_WRITE; ERR_INTERRUPTED.
 */
export async function fetchModel(options: FetchOptions): Promise<Uint8Array> {
  const { dir, sha256 } = options
  const file = join(dir, sha256)
  const held = await readIfThere(file)
  if (held !== null && sha256Hex(held) === sha256) return held
  await rm(file, { force: true })
  await explained(() => mkdir(dir, { recursive: true, mode: 0o700 }))
  for (let attempt = 1; ; attempt++) {
    try {
      await download(`${file}.part`, options)
      const bytes = await readFile(`${file}.part`)
      if (sha256Hex(bytes) === sha256) {
        await explained(() => rename(`${file}.part`, file))
        return bytes
      }
      throw new TesseraError('ERR_MODEL_HASH', `model must have the hash ${sha256}, got another`)
    } catch (thrown) {
      if (asTesseraError(thrown).code !== 'ERR_MODEL_HASH') throw thrown
      // Once more with the list, for the chunks that are wrong by it.
      if (attempt < ATTEMPTS) continue
      await rm(`${file}.part`, { force: true })
      throw thrown
    }
  }
}

/** Removes every cached model but these: a study of 100 rounds would otherwise keep 100 students. */
export async function keepOnly(dir: string, hashes: ReadonlySet<string>): Promise<void> {
  const names = await readdir(dir).catch(() => [])
  for (const name of names) {
    if (!hashes.has(name.replace(/\.part$/, ''))) await rm(join(dir, name), { force: true })
  }
}

async function download(part: string, options: FetchOptions): Promise<void> {
  const handle = await explained(() => openAtAnyPlace(part))
  try {
    const { bytes } = options
    // A whole of a size that is signed needs no list; who goes on looks there what is right of what it has.
    if (bytes !== undefined && (await handle.stat()).size === 0) {
      const all = Array.from({ length: chunkCount(bytes) }, (_, index) => index)
      await fetchChunks(handle, bytes, all, options)
    } else {
      const list = await askForList(options)
      await fetchChunks(handle, list.totalBytes, [...(await lackingChunks(handle, list))], options)
    }
  } finally {
    await handle.close()
  }
}

async function askForList({ sha256, bytes, ask }: FetchOptions): Promise<ChunkList> {
  const { totalBytes, chunks } = await ask('model:open', { sha256 })
  if (bytes !== undefined && totalBytes !== bytes) {
    throw new TesseraError('ERR_MODEL_HASH', `model must have ${bytes} bytes, got ${totalBytes}`)
  }
  const want = chunkCount(totalBytes) * DIGEST_BYTES
  if (chunks.byteLength !== want) {
    throw new TesseraError(
      'ERR_MESSAGE_INVALID',
      `chunk list must have ${want} bytes, got ${chunks.byteLength}`,
    )
  }
  return { totalBytes, digests: chunks }
}

async function fetchChunks(
  handle: FileHandle,
  totalBytes: number,
  lacking: readonly number[],
  { sha256, ask, signal, onProgress }: FetchOptions,
): Promise<void> {
  let bytes = totalBytes
  for (const index of lacking) bytes -= chunkLength(totalBytes, index)
  await inWindow(
    lacking,
    () => WINDOW_CHUNKS,
    async (index) => {
      if (signal.aborted) throw new TesseraError('ERR_INTERRUPTED', 'model must be fetched whole, got a stop')
      const { chunk } = await ask('model:chunk', { sha256, index })
      // Its bytes are judged with the whole: the list is signed by nobody.
      const want = chunkLength(totalBytes, index)
      if (chunk.byteLength !== want) {
        throw new TesseraError(
          'ERR_MODEL_HASH',
          `chunk ${index} must have ${want} bytes, got ${chunk.byteLength}`,
        )
      }
      await explained(() => writeChunk(handle, index, chunk))
      bytes += chunk.byteLength
      onProgress?.(bytes, totalBytes)
    },
  )
}

async function readIfThere(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file)
  } catch (cause) {
    if (isMissing(cause)) return null
    throw new TesseraError('ERR_STORE_CORRUPT', 'cached model must be readable, got an error', { cause })
  }
}
