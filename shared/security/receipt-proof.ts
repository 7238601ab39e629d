/** @file A site's proof that its update went in: the coordinator's receipt, and the chain of records up to the one that counts the update. */
import { z } from 'zod'
import { TesseraError } from '../errors.ts'
import { explain } from '../protocol/explain.ts'
import { MAX_TOKEN_CHARACTERS } from '../protocol/limits.ts'
import { name } from '../protocol/names.ts'
import type { Receipt } from '../protocol/signed.ts'
import { sha256Hex } from './digest.ts'
import { type KeyRing, openKeyRing } from './key-ring.ts'
import { verifyRecords } from './records.ts'
import { readUnverified, verifyPayload } from './sign.ts'

const token = z.string().min(1).max(MAX_TOKEN_CHARACTERS)
/** Most records in a proof: a study of so many rounds would take years. */
const MAX_RECORDS = 100_000

const receiptProof = z.strictObject({
  format: z.literal('tessera-receipt-1'),
  study: name,
  site: name,
  /** Of the last record: the round that counts the update. */
  round: z.int().positive(),
  /** One of the coordinator's keys, and all changes of it. */
  coordinatorKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  keyChanges: z.array(z.strictObject({ change: token, acceptance: token })),
  /** JWS of `receipt`, and of the `manifest` that it is for. */
  receipt: token,
  manifest: token,
  /** JWS of `published`, from round 1 on. */
  records: z.array(token).min(1).max(MAX_RECORDS),
})
export type ReceiptProof = z.infer<typeof receiptProof>

/** Reads a proof's file. @throws {TesseraError} ERR_RECEIPT_INVALID if it is none. */
export function parseReceiptProof(text: string): ReceiptProof {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid('be JSON', 'another text', cause)
  }
  const result = receiptProof.safeParse(value)
  if (result.success) return result.data
  throw invalid('fit its format', explain(result.error))
}

/**
 * Checks a proof and gives its receipt, and the ring of keys that it hangs on: whom to trust is the caller's to compare.
 * @throws {TesseraError} ERR_RECEIPT_INVALID, ERR_LEDGER_BROKEN, ERR_COORDINATOR_KEY
 */
export async function checkReceiptProof(proof: ReceiptProof): Promise<{ receipt: Receipt; ring: KeyRing }> {
  const { study, site, round } = proof
  const ring = await openKeyRing(proof.coordinatorKey, proof.keyChanges)
  const receipt = await verifyReceipt(proof.receipt, ring)
  if (receipt.study !== study || receipt.site !== site) throw invalid(`be of ${site} in ${study}`, 'another')
  const digest = sha256Hex(proof.manifest)
  if (receipt.manifest !== digest) throw invalid('be for its manifest', 'another manifest')
  // The receipt has signed the text; only what it says is of interest here.
  const manifest = readUnverified('manifest', proof.manifest)
  if (manifest.payload !== receipt.payload) throw invalid('be for the bytes of its manifest', 'others')
  const records = await verifyRecords(proof.records, study, ring)
  const last = records.at(-1)
  if (last === undefined || last.round !== round)
    throw invalid(`end in the record of round ${round}`, 'another')
  const counted = last.contributors.find((contributor) => contributor.site === site)
  if (counted?.manifest !== digest) {
    throw invalid(
      `be for an update that round ${round} counts`,
      counted ? 'another update' : 'none of this site',
    )
  }
  if (counted.payload !== receipt.payload) throw invalid('be for the bytes that the record counts', 'others')
  return { receipt, ring }
}

/** A receipt may be older than a change of the key that came before its record: any key of the ring may have signed it. */
async function verifyReceipt(token: string, { keys }: KeyRing): Promise<Receipt> {
  for (const key of keys) {
    const receipt = await verifyPayload('receipt', token, key).catch(() => null)
    if (receipt !== null) return receipt
  }
  throw invalid('be signed by the coordinator', 'another signature')
}

function invalid(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_RECEIPT_INVALID', `receipt must ${rule}, got ${got}`, { cause })
}
