/** @file What happens when a site uses its kit: unknown, used and expired kits are told apart, then the two proofs are checked. */
import { TesseraError } from '@tessera/shared/errors'
import { PROTOCOL_VERSION, type Signed } from '@tessera/shared/protocol'
import { assertKitFresh, readUnverified, verifyKitProof, verifyPayload } from '@tessera/shared/security'
import type { Registry } from './registry.ts'

/**
 * Checks a request to enrol: the kit is one of ours, unused and fresh, the sender holds its secret and the private key of the key it brings.
 * A request of the key that has already used the kit is let through, so that a site whose reply was lost is not locked out.
 * @param secretOf Gives a kit's secret, as long as the kit is unused.
 * @throws {TesseraError} ERR_PROTOCOL_VERSION, ERR_KIT_UNKNOWN, ERR_KIT_USED, ERR_KIT_EXPIRED, ERR_SIGNATURE_INVALID, ERR_KIT_PROOF.
 */
export async function checkEnrolment(
  token: string,
  registry: Registry,
  secretOf: (kit: string) => Promise<string>,
  nowMs: number,
): Promise<{ request: Signed<'enrolRequest'>; known: boolean }> {
  const claimed = readUnverified('enrolRequest', token)
  if (claimed.protocol !== PROTOCOL_VERSION) {
    throw new TesseraError(
      'ERR_PROTOCOL_VERSION',
      `protocol must be ${PROTOCOL_VERSION}, got ${claimed.protocol}`,
    )
  }
  const kit = registry.kits.get(claimed.kit)
  if (kit === undefined)
    throw new TesseraError('ERR_KIT_UNKNOWN', 'kit must be one of this coordinator, got another')
  const known =
    kit.usedBy === claimed.publicKey && registry.sites.get(kit.site)?.publicKey === claimed.publicKey
  if (kit.usedBy !== null && !known) {
    throw new TesseraError('ERR_KIT_USED', 'kit must be unused, got one that has enrolled another key')
  }
  if (!known) assertKitFresh(kit, nowMs)
  const request = await verifyPayload('enrolRequest', token, claimed.publicKey)
  if (request.site !== kit.site) {
    throw new TesseraError('ERR_KIT_PROOF', `kit must be used by its site ${kit.site}, got ${request.site}`)
  }
  if (!known && !verifyKitProof(await secretOf(kit.kit), request, request.proof)) {
    throw new TesseraError('ERR_KIT_PROOF', 'proof must be made with the secret of the kit, got another')
  }
  return { request, known }
}
