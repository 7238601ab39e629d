/** @file Chunks on a disk: each at its place, whatever order they come in. What a file holds is believed chunk by chunk, by its hash. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { CHUNK_BYTES } from '../protocol/limits.ts'
import { type ChunkList, chunkCount, isListed } from '../transfer/index.ts'

/** Writes a chunk to its place. A write that failed half way is written over by its repetition. */
export async function writeChunk(handle: FileHandle, index: number, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const at = index * CHUNK_BYTES + written
    written += (await handle.write(chunk, written, chunk.length - written, at)).bytesWritten
  }
}

/**
 * Reads a file from its beginning, {@link CHUNK_BYTES} at a time and the rest at the end. The memory of a block is used again for the next:
 * whoever wants to keep one copies it.
 */
export async function* readBlocks(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(CHUNK_BYTES)
  for (let position = 0; ; position += CHUNK_BYTES) {
    const length = await readAt(handle, block, position)
    if (length > 0) yield block.subarray(0, length)
    if (length < CHUNK_BYTES) return
  }
}

/**
 * Opens a file to be read and written at any place, and makes it if it is not there. (A handle for appending would not heed a position.)
 */
export function openAtAnyPlace(file: string): Promise<FileHandle> {
  return open(file, constants.O_RDWR | constants.O_CREAT, 0o600)
}

/** The chunks of a list that a file does not hold. Cuts off what the list does not reach to. */
export async function lackingChunks(handle: FileHandle, list: ChunkList): Promise<Set<number>> {
  const { size } = await handle.stat()
  if (size > list.totalBytes) await handle.truncate(list.totalBytes)
  const lacking = new Set(Array.from({ length: chunkCount(list.totalBytes) }, (_, index) => index))
  if (size === 0) return lacking
  let index = 0
  for await (const block of readBlocks(handle)) {
    if (isListed(list, index, block)) lacking.delete(index)
    index++
  }
  return lacking
}

/** Fills `block` from `position` on; gives the number of bytes, fewer where the file ends. */
export async function readAt(handle: FileHandle, block: Uint8Array, position: number): Promise<number> {
  let length = 0
  while (length < block.length) {
    const { bytesRead } = await handle.read(block, length, block.length - length, position + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length
}
