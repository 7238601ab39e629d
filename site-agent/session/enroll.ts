/** @file Enrolment: a kit is used up for a key pair that is made here and whose private half never leaves. */
import { readFile } from 'node:fs/promises'
import type { Clock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing } from '@tessera/shared/files'
import type { Log } from '@tessera/shared/log'
import { PROTOCOL_VERSION } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import {
  assertKitFresh,
  type EnrolmentKit,
  generateKeyPair,
  type KeyPair,
  kitProof,
  loadPrivateKey,
  parseKit,
  type SignedKeyChange,
  savePrivateKey,
  signPayload,
} from '@tessera/shared/security'
import { signPolicy, writeDefaultPolicy } from '../policy/index.ts'
import { openAudit } from '../uplink/audit.ts'
import { type Ask, openConnection } from '../uplink/connection.ts'
import { createGate, type Gate, gatedParser } from '../uplink/gate.ts'
import { type Dial, dialOver } from '../uplink/socket.ts'
import { assertEncrypted, checkTransport, type Transport } from '../uplink/transport.ts'
import { openCoordinatorKeys } from './coordinator-keys.ts'
import { verifyPinned } from './join.ts'
import {
  auditFile,
  keyFile,
  lockFolder,
  readIdentity,
  type SiteIdentity,
  writeIdentity,
} from './site-folder.ts'

export interface EnrollOptions {
  readonly kitFile: string
  /** The site's folder; made if it is not there. */
  readonly dir: string
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Signs the policy as it is written, for demonstrations. Default false: a person reads it, and signs. */
  readonly acceptPolicy?: boolean | undefined
  readonly dial?: Dial
  /** Authority and own certificate for TLS, and a proxy; the rest of it stands in the kit. */
  readonly transport?: Pick<Transport, 'ca' | 'cert' | 'key' | 'proxy'>
}

/**
 * Enrols this folder as the kit's site. Waits for a coordinator that is not there yet. Safe to repeat when it was cut off: the key that was
 * made is used again, and the coordinator knows it.
 * @throws {TesseraError} ERR_KIT_FILE, ERR_CONFIG_INVALID if the folder is enrolled already, ERR_KIT_EXPIRED, ERR_KIT_USED, ERR_KIT_UNKNOWN,
 * ERR_KIT_PROOF, ERR_COORDINATOR_KEY, ERR_INTERRUPTED.
 */
export async function enroll(options: EnrollOptions): Promise<SiteIdentity> {
  const { dir, clock } = options
  const kit = await readKit(options.kitFile)
  const known = await readIdentity(dir)
  if (known !== null) {
    throw new TesseraError('ERR_CONFIG_INVALID', `folder must not be enrolled yet, got site ${known.site}`)
  }
  assertKitFresh(kit, clock.now())
  assertEncrypted(kit.coordinatorUrl, { ...(kit.insecureHttp && { insecureHttp: true }) })
  const keys = await siteKeys(keyFile(dir))
  const unlock = await lockFolder(dir)
  try {
    const audit = await openAudit(auditFile(dir), clock)
    try {
      return await enrolOver(
        createGate(audit, () => null),
        kit,
        keys,
        options,
      )
    } finally {
      await audit.close()
    }
  } finally {
    await unlock()
  }
}

async function enrolOver(
  gate: Gate,
  kit: EnrolmentKit,
  keys: KeyPair,
  options: EnrollOptions,
): Promise<SiteIdentity> {
  const { dir, log, clock, signal, acceptPolicy = false, transport: given = {} } = options
  const { site, coordinatorUrl, coordinatorKey, tlsPin, insecureHttp } = kit
  const settings = checkTransport({
    ...given,
    ...(tlsPin && { pin: tlsPin }),
    ...(insecureHttp && { insecureHttp }),
  })
  let keyChanges: readonly SignedKeyChange[] = []
  const coordinator = await openCoordinatorKeys(kit, async (changes) => {
    keyChanges = changes.keyChanges
  })
  const connection = openConnection({
    url: coordinatorUrl,
    parser: gatedParser(gate),
    dial: options.dial ?? dialOver(settings, log),
    clock,
    random: createRandom(`${site}/enrol`),
    log: log.child({ site }),
    join: async (_nonce, ask) => {
      await coordinator.follow(ask, log)
      await useKit(kit, keys, coordinator.current(), ask, clock)
    },
    onSnapshot: notJoined,
    onOffer: notJoined,
    onPublished: notJoined,
  })
  try {
    await connection.joined(signal)
    const identity: SiteIdentity = {
      version: 1,
      site,
      coordinatorUrl,
      coordinatorKey,
      publicKey: keys.publicKey,
      ...(keyChanges.length > 0 && { keyChanges: [...keyChanges] }),
      ...(Object.keys(settings).length > 0 && { transport: settings }),
    }
    await writeDefaultPolicy(dir, { site, coordinatorKey })
    if (acceptPolicy) await signPolicy(dir, { site, keys }, clock.now())
    // Last: a folder with an identity has all the rest.
    await writeIdentity(dir, identity)
    return identity
  } finally {
    connection.close()
  }
}

async function useKit(
  kit: EnrolmentKit,
  keys: KeyPair,
  coordinatorKey: string,
  ask: Ask,
  clock: Clock,
): Promise<void> {
  const claim = { kit: kit.kit, site: kit.site, publicKey: keys.publicKey }
  const request = {
    ...claim,
    protocol: PROTOCOL_VERSION,
    proof: kitProof(kit.secret, claim),
    issuedAtMs: clock.now(),
  }
  const { confirmation } = await ask('site:enroll', {
    request: await signPayload('enrolRequest', request, keys.privateKey),
  })
  const confirmed = await verifyPinned('enrolConfirmation', confirmation, coordinatorKey)
  for (const [field, value] of Object.entries(claim)) {
    if (confirmed[field as keyof typeof claim] === value) continue
    throw new TesseraError('ERR_MESSAGE_INVALID', `confirmation must be of this ${field}, got another`)
  }
}

async function readKit(file: string): Promise<EnrolmentKit> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const got = isMissing(cause) ? 'none' : 'an unreadable file'
    throw new TesseraError('ERR_KIT_FILE', `kit must be a file that can be read, got ${got}`, { cause })
  })
  return parseKit(text)
}

/** The folder's key pair: made now, or by an enrolment that was cut off. */
async function siteKeys(file: string): Promise<KeyPair> {
  const exists = await readFile(file).then(
    () => true,
    () => false,
  )
  if (exists) return loadPrivateKey(file)
  const keys = await generateKeyPair()
  await savePrivateKey(file, keys)
  return keys
}

async function notJoined(): Promise<never> {
  throw new TesseraError('ERR_NOT_JOINED', 'site must have joined a study, got a session for enrolment')
}
