/** @file A site's folder: who it is (`site.json`), its private key (`keys/site.jwk`), and the one process that may use it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, renameDurably, tryLock, writeDurably } from '@tessera/shared/files'
import { name } from '@tessera/shared/protocol'
import { type KeyPair, loadPrivateKey } from '@tessera/shared/security'
import { z } from 'zod'
import { transport } from '../uplink/transport.ts'
import { type CoordinatorKeys, openCoordinatorKeys } from './coordinator-keys.ts'

const publicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const identity = z.strictObject({
  version: z.literal(1),
  site: name,
  coordinatorUrl: z.url({ protocol: /^https?$/ }),
  /** Pinned: the coordinator is whoever signs with this key, or with one that follows from it, whatever its address. */
  coordinatorKey: publicKey,
  publicKey,
  /** Changes of the coordinator's key, as far as this site has followed them. */
  keyChanges: z.array(z.strictObject({ change: z.string(), acceptance: z.string() })).optional(),
  /** Highest version of the protocol that the coordinator has spoken: it never goes back. */
  protocol: z.int().positive().optional(),
  transport: transport.optional(),
})
/** What `site enroll` leaves behind for every later start. */
export type SiteIdentity = z.infer<typeof identity>

/** An enrolled site with its key pair. */
export interface Site extends SiteIdentity {
  readonly keys: KeyPair
  /** The coordinator's keys; the pin is {@link SiteIdentity.coordinatorKey}. */
  readonly coordinator: CoordinatorKeys
}

/** Where the private key lives in a site's folder. */
export function keyFile(dir: string): string {
  return join(dir, 'keys', 'site.jwk')
}

/** Where a new private key waits for the coordinator to take it in. */
export function nextKeyFile(dir: string): string {
  return join(dir, 'keys', 'site.next.jwk')
}

/** Where every byte that left is written down. */
export function auditFile(dir: string): string {
  return join(dir, 'audit.jsonl')
}

/** Gives the identity, `null` when the folder is not enrolled. @throws {TesseraError} ERR_CONFIG_INVALID */
export async function readIdentity(dir: string): Promise<SiteIdentity | null> {
  const text = await readFile(join(dir, 'site.json'), 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return null
    throw new TesseraError('ERR_CONFIG_INVALID', 'site.json must be readable, got an error', { cause })
  })
  if (text === null) return null
  try {
    return identity.parse(JSON.parse(text))
  } catch (cause) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      'site.json must be as `site enroll` wrote it, got another text',
      {
        cause,
      },
    )
  }
}

/** Enrolment's last step. @throws {TesseraError} ERR_STORE_WRITE */
export async function writeIdentity(dir: string, value: SiteIdentity): Promise<void> {
  await writeDurably(join(dir, 'site.json'), `${JSON.stringify(value, null, 2)}\n`)
}

/** Gives identity and key of an enrolled folder. @throws {TesseraError} ERR_CONFIG_INVALID, ERR_KEY_FILE */
export async function loadSite(dir: string): Promise<Site> {
  const found = await readIdentity(dir)
  if (found === null) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      'folder must belong to an enrolled site (tessera site enroll KIT), got none',
    )
  }
  const keys = await loadKeys(dir, found)
  const coordinator = await openCoordinatorKeys(found, (changes) => updateIdentity(dir, changes))
  return { ...found, keys, coordinator }
}

/** The key pair of the identity. A rotation that was cut off after it counted is finished here. */
async function loadKeys(dir: string, { publicKey }: SiteIdentity): Promise<KeyPair> {
  const keys = await loadPrivateKey(keyFile(dir))
  if (keys.publicKey === publicKey) return keys
  const next = await loadPrivateKey(nextKeyFile(dir)).catch(() => null)
  if (next?.publicKey !== publicKey) {
    throw new TesseraError('ERR_KEY_FILE', 'key file must hold the key that was enrolled, got another')
  }
  await renameDurably(nextKeyFile(dir), keyFile(dir))
  return next
}

/** Changes some fields of an enrolled folder's identity. @throws {TesseraError} ERR_CONFIG_INVALID, ERR_STORE_WRITE */
export async function updateIdentity(dir: string, changes: Partial<SiteIdentity>): Promise<void> {
  const found = await readIdentity(dir)
  if (found === null) throw new TesseraError('ERR_CONFIG_INVALID', 'folder must be enrolled, got none')
  await writeIdentity(dir, { ...found, ...changes })
}

/**
 * Takes the folder for this process; the returned function gives it back. Two writers would break the audit log's chain.
 * @throws {TesseraError} ERR_STORE_LOCKED
 */
export async function lockFolder(dir: string): Promise<() => Promise<void>> {
  const unlock = await tryLock(join(dir, 'site.lock'))
  if (unlock !== null) return unlock
  throw new TesseraError('ERR_STORE_LOCKED', 'site folder must have one running agent, got a second')
}
