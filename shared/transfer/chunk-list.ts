/**
 * @file A model or a delta as a list of chunks, each named by its SHA-256. Who has the list can take the chunks in any order, from anywhere,
 * and knows of each by itself whether it is right.
 */
import { createHash } from 'node:crypto'
import { CHUNK_BYTES } from '../protocol/limits.ts'

/** Length of one entry of a list. */
export const DIGEST_BYTES = 32

export interface ChunkList {
  readonly totalBytes: number
  /** SHA-256 of each chunk, one after the other without a gap. */
  readonly digests: Uint8Array
}

/** Number of chunks of so many bytes: all of them {@link CHUNK_BYTES} long, but the last. */
export function chunkCount(totalBytes: number): number {
  return Math.ceil(totalBytes / CHUNK_BYTES)
}

/** Length of a chunk; 0 where there is none. */
export function chunkLength(totalBytes: number, index: number): number {
  return Math.max(0, Math.min(CHUNK_BYTES, totalBytes - index * CHUNK_BYTES))
}

/** A chunk of bytes that are in memory: a view, no copy. */
export function chunkOf(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
}

/** The list of bytes that are in memory. */
export function listChunks(bytes: Uint8Array): ChunkList {
  const lister = createChunkLister()
  lister.add(bytes)
  return lister.end()
}

/** The list of bytes that pass by in pieces of any length. */
export interface ChunkLister {
  add(piece: Uint8Array): void
  /** Of all that has passed. Nothing may be added after it. */
  end(): ChunkList
}

export function createChunkLister(): ChunkLister {
  const digests: Uint8Array[] = []
  let totalBytes = 0
  let open = createHash('sha256')
  return {
    add(piece) {
      for (let at = 0; at < piece.byteLength; ) {
        const room = CHUNK_BYTES - (totalBytes % CHUNK_BYTES)
        const part = piece.subarray(at, at + room)
        open.update(part)
        at += part.byteLength
        totalBytes += part.byteLength
        if (part.byteLength < room) continue
        digests.push(open.digest())
        open = createHash('sha256')
      }
    },
    end() {
      if (totalBytes % CHUNK_BYTES > 0) digests.push(open.digest())
      return { totalBytes, digests: new Uint8Array(Buffer.concat(digests)) }
    },
  }
}

/**
 * What names a delta: SHA-256, in lower-case hex, of the list. It stands for the bytes as surely as their own hash does, and costs a pass less: who has
 * checked each chunk has checked the whole.
 */
export function listHash({ digests }: Pick<ChunkList, 'digests'>): string {
  return createHash('sha256').update(digests).digest('hex')
}

/** True when `chunk` is the one that the list has at `index`: its length, then its hash. */
export function isListed({ totalBytes, digests }: ChunkList, index: number, chunk: Uint8Array): boolean {
  const length = chunkLength(totalBytes, index)
  if (length === 0 || chunk.byteLength !== length) return false
  const want = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES)
  return createHash('sha256').update(chunk).digest().equals(want)
}
