/**
 * @file The keys that a coordinator has had, in order. A site pins one of them, at enrolment, and trusts the others by signatures: a change of the
 * key is signed with the old key, so a pin leads forwards, and with the new one, so it leads backwards to what was signed before.
 */
import { TesseraError } from '../errors.ts'
import { MAX_KEY_CHANGES } from '../protocol/limits.ts'
import type { KeyChange } from '../protocol/signed.ts'
import { sha256Hex } from './digest.ts'
import type { KeyPair } from './keys.ts'
import { readUnverified, signPayload, verifyPayload } from './sign.ts'

/** One change of the key as two JWS of the same payload: under the old key, and under the new one. */
export interface SignedKeyChange {
  readonly change: string
  readonly acceptance: string
}

export interface KeyRing {
  /** Oldest first. */
  readonly keys: readonly string[]
  /** The key that signs now. */
  readonly current: string
  readonly changes: readonly SignedKeyChange[]
  /** The key that must have signed a round's record: a replaced key signs nothing for rounds after its last one. */
  keyOf(study: string, round: number): string
  /** The key that must have signed the plan of this SHA-256. */
  keyOfPlan(plan: string): string
}

/**
 * Gives the ring that a pinned key belongs to.
 * @param changes All changes since the coordinator's first key.
 * @throws {TesseraError} ERR_COORDINATOR_KEY if they do not follow from each other or do not lead to the pin.
 */
export async function openKeyRing(pinned: string, changes: readonly SignedKeyChange[]): Promise<KeyRing> {
  if (changes.length > MAX_KEY_CHANGES) throw broken(`be at most ${MAX_KEY_CHANGES}`, `${changes.length}`)
  const payloads: KeyChange[] = []
  for (const [i, signed] of changes.entries()) {
    const payload = await verifyChange(signed)
    const before = payloads.at(-1)
    const previous = i === 0 ? '' : sha256Hex(changes[i - 1]?.change ?? '')
    if (payload.number !== i + 1 || payload.previous !== previous) {
      throw broken(`follow from each other`, `another than number ${i + 1}`)
    }
    if (before !== undefined && before.to !== payload.from) throw broken('begin with the last key', 'another')
    payloads.push(payload)
  }
  const keys = payloads.length === 0 ? [pinned] : [payloads[0]?.from ?? '', ...payloads.map(({ to }) => to)]
  if (!keys.includes(pinned)) throw broken('lead to the pinned key', 'others')
  if (new Set(keys).size !== keys.length) throw broken('never come back to a key', 'one twice')
  const current = keys.at(-1) ?? pinned
  /** The first key whose change names it, or the current one. */
  const keyNaming = (fits: (head: KeyChange['heads'][number]) => boolean): string =>
    keys[payloads.findIndex(({ heads }) => heads.some(fits))] ?? current
  return {
    keys,
    current,
    changes,
    keyOf: (study, round) => keyNaming((head) => head.study === study && head.round >= round),
    keyOfPlan: (plan) => keyNaming((head) => head.plan === plan),
  }
}

/** Signs the change from one key to another. @param heads Each study, with its last round whose record the old key has signed. */
export async function signKeyChange(
  ring: KeyRing,
  from: KeyPair,
  to: KeyPair,
  heads: KeyChange['heads'],
  nowMs: number,
): Promise<SignedKeyChange> {
  const last = ring.changes.at(-1)
  const payload: KeyChange = {
    from: from.publicKey,
    to: to.publicKey,
    number: ring.changes.length + 1,
    previous: last === undefined ? '' : sha256Hex(last.change),
    heads,
    issuedAtMs: nowMs,
  }
  return {
    change: await signPayload('keyChange', payload, from.privateKey),
    acceptance: await signPayload('keyChange', payload, to.privateKey),
  }
}

async function verifyChange({ change, acceptance }: SignedKeyChange): Promise<KeyChange> {
  const { from, to } = readUnverified('keyChange', change)
  try {
    const payload = await verifyPayload('keyChange', change, from)
    const accepted = await verifyPayload('keyChange', acceptance, to)
    if (JSON.stringify(payload) === JSON.stringify(accepted)) return payload
  } catch (cause) {
    throw broken('be signed with the old and the new key', 'another signature', cause)
  }
  throw broken('say the same under both keys', 'two changes')
}

function broken(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError(
    'ERR_COORDINATOR_KEY',
    `changes of the coordinator's key must ${rule}, got ${got}`,
    {
      cause,
    },
  )
}
