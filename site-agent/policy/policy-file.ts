/** @file `policy.yaml` and the site's signature under it, `policy.yaml.jws`: a policy counts as a person here has read and signed it, to the byte. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing, writeDurably } from '@tessera/shared/files'
import { fingerprint, type KeyPair, sha256Hex, signPayload, verifyPayload } from '@tessera/shared/security'
import { type Policy, parsePolicy } from './policy.ts'
import { policyText } from './policy-text.ts'

const policyFile = (dir: string): string => join(dir, 'policy.yaml')
const signatureFile = (dir: string): string => `${policyFile(dir)}.jws`

/** A policy and the name it goes by in manifests. */
export interface SitePolicy {
  readonly policy: Policy
  /** SHA-256 of policy.yaml. */
  readonly hash: string
}

/** Who signs. */
interface Signer {
  readonly site: string
  readonly publicKey: string
}

/**
 * Writes the default policy, unless there is one.
 * @returns False when there was one.
 * @throws {TesseraError} ERR_STORE_WRITE
 */
export async function writeDefaultPolicy(
  dir: string,
  { site, coordinatorKey }: { readonly site: string; readonly coordinatorKey: string },
): Promise<boolean> {
  if ((await read(policyFile(dir))) !== null) return false
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  await writeDurably(
    policyFile(dir),
    policyText({ site, coordinator: fingerprint(coordinatorKey), timeZone }),
  )
  return true
}

/** Gives the policy whether or not it is signed. @throws {TesseraError} ERR_POLICY_FILE */
export async function readPolicy(dir: string, site: string): Promise<SitePolicy> {
  const text = await read(policyFile(dir))
  if (text === null) {
    throw new TesseraError(
      'ERR_POLICY_FILE',
      "policy.yaml must be in the site's folder (tessera site policy write), got none",
    )
  }
  const policy = parsePolicy(text)
  if (policy.site !== site) {
    throw new TesseraError('ERR_POLICY_FILE', `policy.yaml must be of site ${site}, got ${policy.site}`)
  }
  return { policy, hash: sha256Hex(text) }
}

/** SHA-256 of policy.yaml as it stands; null when there is none. @throws {TesseraError} ERR_POLICY_FILE */
export async function hashOfPolicy(dir: string): Promise<string | null> {
  const text = await read(policyFile(dir))
  return text === null ? null : sha256Hex(text)
}

/** Signs the policy as it stands. @throws {TesseraError} ERR_POLICY_FILE, ERR_STORE_WRITE */
export async function signPolicy(
  dir: string,
  { site, keys }: { readonly site: string; readonly keys: KeyPair },
  nowMs: number,
): Promise<SitePolicy> {
  const found = await readPolicy(dir, site)
  const claim = { site, policy: found.hash, issuedAtMs: nowMs }
  await writeDurably(signatureFile(dir), `${await signPayload('sitePolicy', claim, keys.privateKey)}\n`)
  return found
}

/**
 * Gives the policy if the site has signed it as it stands.
 * @throws {TesseraError} ERR_POLICY_FILE; ERR_POLICY_UNSIGNED if it is not signed, or was changed after it was.
 */
export async function loadPolicy(dir: string, { site, publicKey }: Signer): Promise<SitePolicy> {
  const found = await readPolicy(dir, site)
  const token = await read(signatureFile(dir))
  if (token === null) throw unsigned('no signature')
  const claim = await verifyPayload('sitePolicy', token.trim(), publicKey).catch((cause: unknown) => {
    throw unsigned('a signature that is not of this site', cause)
  })
  if (claim.site !== site || claim.policy !== found.hash)
    throw unsigned('a text that was changed after it was signed')
  return found
}

async function read(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    if (isMissing(cause)) return null
    throw new TesseraError('ERR_POLICY_FILE', 'policy.yaml must be readable, got an error', { cause })
  })
}

function unsigned(got: string, cause?: unknown): TesseraError {
  return new TesseraError(
    'ERR_POLICY_UNSIGNED',
    `policy.yaml must be read and then signed (tessera site policy sign), got ${got}`,
    { cause },
  )
}
