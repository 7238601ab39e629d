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
  const { text, sha256 } = await readPolicyText(dir)
  return { policy: parseSitePolicy(text, site), hash: sha256 }
}

/** Gives policy.yaml as it stands. @throws {TesseraError} ERR_POLICY_FILE */
export async function readPolicyText(dir: string): Promise<{ text: string; sha256: string }> {
  const text = await read(policyFile(dir))
  if (text !== null) return { text, sha256: sha256Hex(text) }
  throw new TesseraError(
    'ERR_POLICY_FILE',
    "policy.yaml must be in the site's folder (tessera site policy write), got none",
  )
}

/** Gives the policy of a text. @throws {TesseraError} ERR_POLICY_FILE, also when it is of another site. */
export function parseSitePolicy(text: string, site: string): Policy {
  const policy = parsePolicy(text)
  if (policy.site === site) return policy
  throw new TesseraError('ERR_POLICY_FILE', `policy.yaml must be of site ${site}, got ${policy.site}`)
}

/** SHA-256 of policy.yaml as it stands; null when there is none. @throws {TesseraError} ERR_POLICY_FILE */
export async function hashOfPolicy(dir: string): Promise<string | null> {
  const text = await read(policyFile(dir))
  return text === null ? null : sha256Hex(text)
}

/**
 * Writes a policy that a person has edited, and signs it.
 * @param edited.previous SHA-256 of the text that was edited. Cut off between the two files, the new text is there and not in force.
 * @throws {TesseraError} ERR_POLICY_FILE; ERR_USAGE when policy.yaml was changed since; ERR_STORE_WRITE.
 */
export async function signPolicyText(
  dir: string,
  signer: { readonly site: string; readonly keys: KeyPair },
  { text, previous }: { readonly text: string; readonly previous: string },
  nowMs: number,
): Promise<SitePolicy> {
  parseSitePolicy(text, signer.site)
  const { sha256 } = await readPolicyText(dir)
  if (sha256 !== previous) {
    throw new TesseraError(
      'ERR_USAGE',
      'policy.yaml must be as it was when the editing began, got another text: look at it again',
    )
  }
  if (sha256Hex(text) !== sha256) await writeDurably(policyFile(dir), text)
  return signPolicy(dir, signer, nowMs)
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
