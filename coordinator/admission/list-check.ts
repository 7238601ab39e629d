/** @file The border's check of the list of chunks that comes with a manifest, before a chunk is taken. */
import { TesseraError } from '@tessera/shared/errors'
import type { Manifest } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import { type ChunkList, chunkCount, DIGEST_BYTES } from '@tessera/shared/transfer'

/** Gives the list. @throws {TesseraError} ERR_UPDATE_SIZE if it is not as long as the manifest's bytes ask for; ERR_UPDATE_DIGEST if it is another one. */
export function admitList({ bytes, chunks }: Manifest, digests: Uint8Array): ChunkList {
  const want = chunkCount(bytes) * DIGEST_BYTES
  if (digests.byteLength !== want) {
    throw new TesseraError('ERR_UPDATE_SIZE', `chunk list must have ${want} bytes, got ${digests.byteLength}`)
  }
  const got = sha256Hex(digests)
  if (got !== chunks) {
    throw new TesseraError('ERR_UPDATE_DIGEST', `chunk list must have SHA-256 ${chunks}, got ${got}`)
  }
  return { totalBytes: bytes, digests }
}
