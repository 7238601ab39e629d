/** @file Digests and random tokens. */
import { createHash, randomBytes } from 'node:crypto'

/** SHA-256 in lower-case hex; a string counts as its UTF-8 bytes. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** 128 random bits in base64url: 22 characters, so that no two are ever equal by chance. */
export function createNonce(): string {
  return randomBytes(16).toString('base64url')
}
