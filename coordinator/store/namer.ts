/** @file What a file of a store is named by, and how the name is made of bytes that pass by. */
import { createHash } from 'node:crypto'
import { sha256Hex } from '@tessera/shared/security'
import { type ChunkList, createChunkLister, listChunks, listHash } from '@tessera/shared/transfer'

/** What a file is named by: the SHA-256 of its bytes, as everyone can compute it, or of the list of its chunks, which costs a pass less. */
export type NamedBy = 'bytes' | 'chunks'

/** What is known of a file once its name was checked. */
export interface Known {
  readonly totalBytes: number
  /** Null: nobody has asked for it. Who takes a whole model needs none. */
  readonly list: ChunkList | null
}

/** The name of bytes that are in memory. */
export function nameOf(bytes: Uint8Array, namedBy: NamedBy): string {
  return namedBy === 'bytes' ? sha256Hex(bytes) : listHash(listChunks(bytes))
}

/** Names bytes that pass by. */
export interface Namer {
  add(piece: Uint8Array): void
  /** Of all that has passed. Nothing may be added after it. */
  end(): Known & { readonly sha256: string }
}

/** @param listed Whether the list of chunks is wanted too: of what is named by its bytes it takes a second pass. */
export function createNamer(namedBy: NamedBy, listed: boolean): Namer {
  if (namedBy === 'chunks') {
    const lister = createChunkLister()
    return {
      add: (piece) => lister.add(piece),
      end() {
        const list = lister.end()
        return { sha256: listHash(list), totalBytes: list.totalBytes, list }
      },
    }
  }
  const hash = createHash('sha256')
  const lister = listed ? createChunkLister() : null
  let totalBytes = 0
  return {
    add(piece) {
      hash.update(piece)
      lister?.add(piece)
      totalBytes += piece.byteLength
    },
    end: () => ({ sha256: hash.digest('hex'), totalBytes, list: lister?.end() ?? null }),
  }
}
