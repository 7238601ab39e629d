/** @file Files of structured values behind their own digest: SHA-256 in hex, then the value as `node:v8` writes it. Read as written or refused. */
import { readFile } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import { TesseraError } from '../errors.ts'
import { sha256Hex } from '../security/digest.ts'
import { isMissing, writeDurably } from './durable.ts'

/** Length of the digest before a value. */
export const SEAL_BYTES = 64

/** Returns the pieces of a sealed value. */
export function seal(value: unknown): [digest: Uint8Array, body: Uint8Array] {
  const body = serialize(value)
  return [Buffer.from(sha256Hex(body)), body]
}

/**
 * Returns the value of sealed bytes. Its type is the caller's to know: the digest says that it is what was written, not by whom.
 * @param role Of the file, for the message.
 * @throws {TesseraError} ERR_STORE_CORRUPT if the bytes are not those of their digest.
 */
export function unseal(role: string, bytes: Buffer): unknown {
  const body = bytes.subarray(SEAL_BYTES)
  if (bytes.toString('latin1', 0, SEAL_BYTES) !== sha256Hex(body)) throw corrupt(role, 'other bytes')
  return deserialize(body)
}

/** Writes a sealed value, whole or not at all. @throws {TesseraError} ERR_STORE_WRITE */
export async function writeSealed(file: string, value: unknown): Promise<void> {
  await writeDurably(file, seal(value))
}

/** Reads a file whole. @throws {TesseraError} ERR_STORE_CORRUPT if there is none or it cannot be read. */
export async function readStored(role: string, file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw corrupt(role, isMissing(cause) ? 'none' : 'an unreadable file', cause)
  })
}

function corrupt(role: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_STORE_CORRUPT', `${role} must be as it was written, got ${got}`, { cause })
}
