/** @file The border's check of the list of chunks that a manifest names, before a chunk is taken: from here on each chunk is known by its hash. */
import { TesseraError } from '@tessera/shared/errors'
import type { Manifest } from '@tessera/shared/protocol'
import { type ChunkList, chunkCount, DIGEST_BYTES, listHash } from '@tessera/shared/transfer'

/** Gives the list. @throws {TesseraError} ERR_UPDATE_SIZE if it is not as long as the manifest's bytes ask for; ERR_UPDATE_DIGEST if it is another one. */
export function admitList({ bytes, payload }: Manifest, digests: Uint8Array): ChunkList {
  const want = chunkCount(bytes) * DIGEST_BYTES
  if (digests.byteLength !== want) {
    throw new TesseraError('ERR_UPDATE_SIZE', `chunk list must have ${want} bytes, got ${digests.byteLength}`)
  }
  const got = listHash({ digests })
  if (got !== payload) {
    throw new TesseraError('ERR_UPDATE_DIGEST', `chunk list must have SHA-256 ${payload}, got ${got}`)
  }
  return { totalBytes: bytes, digests }
}
