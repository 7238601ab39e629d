/**
 * @file The enrolment kit: a small file that the operator gives to one site, on a way the consortium trusts. With it the site learns
 * whom to trust (address and key of the coordinator) and can prove, once, that it was invited.
 *
 * The secret itself never crosses the wire: the site sends an HMAC-SHA-256 under it of kit, site and its new public key.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { TesseraError } from '../errors.ts'
import { explain } from '../protocol/explain.ts'
import { name } from '../protocol/names.ts'
import { createNonce } from './digest.ts'

/** Of the kit's format. */
export const KIT_VERSION = 1
/** A kit is a few hundred bytes; a larger file is not a kit. */
const MAX_KIT_CHARACTERS = 16 * 1024
/** A week: long enough for a hospital's change board, short enough that a forgotten mail is worth nothing. */
export const KIT_LIFETIME_MS: number = 7 * 24 * 3600 * 1000

const keyBytes = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url')

const kitSchema = z.strictObject({
  version: z.literal(KIT_VERSION),
  /** Names the kit; public. */
  kit: z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'must be 16 bytes in base64url'),
  site: name,
  coordinatorUrl: z.url({ protocol: /^https?$/ }).max(2000),
  /** The key to pin: everything the coordinator says later must be signed with it. */
  coordinatorKey: keyBytes,
  /** 32 random bytes. Whoever holds them can enrol as this site until the kit is used or expires. */
  secret: keyBytes,
  expiresAtMs: z.int().positive(),
  /** The coordinator's TLS key: base64url of the SHA-256 of its SubjectPublicKeyInfo. Absent: its certificate is one that every machine can check. */
  tlsPin: keyBytes.optional(),
  /** The agent may speak plain http to an address that is not its own machine. */
  insecureHttp: z.literal(true).optional(),
})
export type EnrolmentKit = z.infer<typeof kitSchema>

/** What a site proves to hold a kit for. */
export interface KitClaim {
  readonly kit: string
  readonly site: string
  readonly publicKey: string
}

/** Makes a kit with a fresh name and secret. */
export function createKit(options: {
  site: string
  coordinatorUrl: string
  coordinatorKey: string
  expiresAtMs: number
  tlsPin?: string
  insecureHttp?: true
}): EnrolmentKit {
  const secret = randomBytes(32).toString('base64url')
  return checked({ version: KIT_VERSION, kit: createNonce(), ...options, secret })
}

/** The kit's file. */
export function formatKit(kit: EnrolmentKit): string {
  return `${JSON.stringify(kit, null, 2)}\n`
}

/** Reads a kit's file. @throws {TesseraError} ERR_KIT_FILE if it is not one. */
export function parseKit(text: string): EnrolmentKit {
  if (text.length > MAX_KIT_CHARACTERS) {
    throw new TesseraError(
      'ERR_KIT_FILE',
      `kit must have at most ${MAX_KIT_CHARACTERS} characters, got ${text.length}`,
    )
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Without its cause: the parser's message quotes the text, which may hold the secret.
    throw new TesseraError('ERR_KIT_FILE', 'kit must be JSON, got another text')
  }
  return checked(value)
}

/** @throws {TesseraError} ERR_KIT_EXPIRED from `expiresAtMs` on. */
export function assertKitFresh(kit: Pick<EnrolmentKit, 'expiresAtMs'>, nowMs: number): void {
  if (nowMs < kit.expiresAtMs) return
  const [end, now] = [kit.expiresAtMs, nowMs].map((ms) => new Date(ms).toISOString())
  throw new TesseraError('ERR_KIT_EXPIRED', `kit must be used before ${end}, got ${now}`)
}

/** base64url of HMAC-SHA-256 under the kit's secret. */
export function kitProof(secret: string, { kit, site, publicKey }: KitClaim): string {
  // A JSON list: no two claims have the same text, whatever their fields hold.
  const text = JSON.stringify(['tessera-enrol', KIT_VERSION, kit, site, publicKey])
  return createHmac('sha256', Buffer.from(secret, 'base64url')).update(text).digest('base64url')
}

/** True when `proof` is the claim's; takes as long for a wrong proof as for the right one. */
export function verifyKitProof(secret: string, claim: KitClaim, proof: string): boolean {
  const want = Buffer.from(kitProof(secret, claim))
  const got = Buffer.from(proof)
  return want.length === got.length && timingSafeEqual(want, got)
}

function checked(value: unknown): EnrolmentKit {
  const result = kitSchema.safeParse(value)
  if (result.success) return result.data
  throw new TesseraError('ERR_KIT_FILE', `kit must fit its format, got ${explain(result.error)}`)
}
