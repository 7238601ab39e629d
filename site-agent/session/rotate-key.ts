/**
 * @file The site's key is replaced. The new key is on the disk before it is announced, and the coordinator's confirmation is in `site.json` before
 * the old key goes: whatever is cut off is done again, with the same new key, and the coordinator says the same again.
 */
import { readFile } from 'node:fs/promises'
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import {
  generateKeyPair,
  type KeyPair,
  loadPrivateKey,
  savePrivateKey,
  signPayload,
} from '@tessera/shared/security'
import { loadPolicy, signPolicy } from '../policy/index.ts'
import { openAudit } from '../uplink/audit.ts'
import { type Ask, openConnection } from '../uplink/connection.ts'
import { createGate, gatedParser } from '../uplink/gate.ts'
import { type Dial, dialOver } from '../uplink/socket.ts'
import { verifyPinned } from './join.ts'
import { auditFile, loadSite, lockFolder, nextKeyFile, type Site, updateIdentity } from './site-folder.ts'

export interface RotateOptions {
  readonly dir: string
  /** Another address than the kit's. */
  readonly coordinatorUrl?: string | undefined
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly dial?: Dial
}

/**
 * Replaces the key of a folder whose agent does not run, and gives both public keys. Waits for a coordinator that is not there.
 * @throws {TesseraError} ERR_CONFIG_INVALID, ERR_STORE_LOCKED while an agent runs; ERR_SITE_KEY, ERR_SITE_REVOKED, ERR_COORDINATOR_KEY, ERR_INTERRUPTED.
 */
export async function rotateSiteKey(options: RotateOptions): Promise<{ from: string; to: string }> {
  const { dir, clock, log, signal } = options
  const unlock = await lockFolder(dir)
  try {
    const site = await loadSite(dir)
    const signed = await loadPolicy(dir, site).then(
      () => true,
      () => false,
    )
    const next = await nextKey(dir)
    const audit = await openAudit(auditFile(dir), clock)
    const connection = openConnection({
      url: options.coordinatorUrl ?? site.coordinatorUrl,
      parser: gatedParser(createGate(audit, () => null)),
      dial: options.dial ?? dialOver(site.transport, log),
      clock,
      random: createRandom(`${site.site}/rotate`),
      log: log.child({ site: site.site }),
      async join(_nonce, ask) {
        await site.coordinator.follow(ask, log)
        await announce(site, next, ask, clock)
      },
      onOffer: notJoined,
      onPublished: notJoined,
      onSnapshot: notJoined,
    })
    try {
      await connection.joined(signal)
    } finally {
      connection.close()
      await audit.close()
    }
    await updateIdentity(dir, { publicKey: next.publicKey })
    // Puts the new key in the old one's place.
    const rotated = await loadSite(dir)
    // A policy that the site had signed is still its own: only the key that says so is another.
    if (signed) await signPolicy(dir, rotated, clock.now())
    return { from: site.publicKey, to: next.publicKey }
  } finally {
    await unlock()
  }
}

/** True when a new key waits for the coordinator: a rotation was begun and not finished. */
export async function isRotationOpen(dir: string): Promise<boolean> {
  return exists(nextKeyFile(dir))
}

/** The key of a rotation that was cut off, or a fresh one. */
async function nextKey(dir: string): Promise<KeyPair> {
  const file = nextKeyFile(dir)
  if (await exists(file)) return loadPrivateKey(file)
  const made = await generateKeyPair()
  await savePrivateKey(file, made)
  return made
}

async function announce(site: Site, next: KeyPair, ask: Ask, clock: Clock): Promise<void> {
  const coordinator = site.coordinator.current()
  const change = {
    protocol: PROTOCOL_VERSION,
    site: site.site,
    from: site.publicKey,
    to: next.publicKey,
    coordinator,
    issuedAtMs: clock.now(),
  }
  const { confirmation } = await ask('site:rotate', {
    request: await signPayload('siteKeyChange', change, site.keys.privateKey),
    proof: await signPayload('siteKeyChange', change, next.privateKey),
  })
  const confirmed = await verifyPinned('siteKeyConfirmation', confirmation, coordinator)
  if (confirmed.site !== site.site || confirmed.publicKey !== next.publicKey) {
    throw new TesseraError(
      'ERR_MESSAGE_INVALID',
      'confirmation must be of this site and its new key, got another',
    )
  }
}

async function notJoined(): Promise<never> {
  throw new TesseraError('ERR_NOT_JOINED', 'site must have joined a study, got a session for a new key')
}

function exists(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    () => false,
  )
}
