/**
 * @file The coordinator's key and the keys it has had. `keys/key-changes.json` is what counts: a new key is the coordinator's from the moment its
 * change stands there. Until then it lies in `keys/coordinator.next.jwk`; then it takes the old one's place, at once or, after a crash, at the
 * next start.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, renameDurably, writeDurably } from '@tessera/shared/files'
import {
  type KeyPair,
  type KeyRing,
  loadPrivateKey,
  openKeyRing,
  readUnverified,
  type SignedKeyChange,
} from '@tessera/shared/security'
import { z } from 'zod'

const keyChanges = z.array(z.strictObject({ change: z.string(), acceptance: z.string() }))

export interface CoordinatorKeys {
  readonly key: KeyPair
  /** All keys up to this one. */
  readonly ring: KeyRing
}

/** Reads them, after finishing a change that a crash cut off. @throws {TesseraError} ERR_KEY_FILE, ERR_COORDINATOR_KEY */
export async function loadKeys(dir: string): Promise<CoordinatorKeys> {
  const changes = await readChanges(dir)
  const last = changes.at(-1)
  let key = await loadPrivateKey(keyFile(dir))
  const want = last === undefined ? key.publicKey : readUnverified('keyChange', last.acceptance).to
  if (key.publicKey !== want) {
    key = await loadPrivateKey(nextKeyFile(dir))
    if (key.publicKey !== want) {
      throw new TesseraError('ERR_KEY_FILE', 'key file must hold the key of the last change, got another')
    }
    await renameDurably(nextKeyFile(dir), keyFile(dir))
  }
  return { key, ring: await openKeyRing(key.publicKey, changes) }
}

/** Makes the change count; {@link loadKeys} does the rest. @throws {TesseraError} ERR_STORE_WRITE */
export async function saveChange(dir: string, ring: KeyRing, change: SignedKeyChange): Promise<void> {
  await writeDurably(changesFile(dir), `${JSON.stringify([...ring.changes, change])}\n`)
}

/** Where the private key is. */
export function keyFile(dir: string): string {
  return join(dir, 'keys', 'coordinator.jwk')
}

/** Where a new private key waits for its change to count. */
export function nextKeyFile(dir: string): string {
  return join(dir, 'keys', 'coordinator.next.jwk')
}

function changesFile(dir: string): string {
  return join(dir, 'keys', 'key-changes.json')
}

async function readChanges(dir: string): Promise<SignedKeyChange[]> {
  try {
    return keyChanges.parse(JSON.parse(await readFile(changesFile(dir), 'utf8')))
  } catch (cause) {
    if (isMissing(cause)) return []
    throw new TesseraError(
      'ERR_KEY_FILE',
      'changes of the key must be as they were written, got another text',
      {
        cause,
      },
    )
  }
}
