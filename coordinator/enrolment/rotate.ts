/** @file A site replaces its key: the old key says so, and the new one that it is held. */
import { TesseraError } from '@tessera/shared/errors'
import { PROTOCOL_VERSION, type Signed } from '@tessera/shared/protocol'
import { readUnverified, verifyPayload } from '@tessera/shared/security'
import { checkSiteState, knownSite } from '../admission/manifest-checks.ts'
import type { Registry } from './registry.ts'

/**
 * Checks a change of a site's key. One that has been taken in already passes again, so that a site whose reply was lost can go on.
 * Order: protocol, site, state, key, both signatures, coordinator.
 * @param request The change under the old key. @param proof The same under the new one. @param coordinatorKey This coordinator's.
 * @throws {TesseraError} ERR_PROTOCOL_VERSION, ERR_SITE_UNKNOWN, ERR_SITE_REVOKED, ERR_SITE_KEY, ERR_SIGNATURE_INVALID, ERR_COORDINATOR_KEY.
 */
export async function checkKeyChange(
  { request, proof }: { request: string; proof: string },
  registry: Registry,
  coordinatorKey: string,
): Promise<{ change: Signed<'siteKeyChange'>; known: boolean }> {
  const claimed = readUnverified('siteKeyChange', request)
  if (claimed.protocol !== PROTOCOL_VERSION) {
    throw new TesseraError(
      'ERR_PROTOCOL_VERSION',
      `protocol must be ${PROTOCOL_VERSION}, got ${claimed.protocol}`,
    )
  }
  const site = knownSite({ registry }, claimed.site)
  checkSiteState({ registry }, claimed.site)
  const known = site.publicKey === claimed.to && site.formerKeys.at(-1) === claimed.from
  if (!known && site.publicKey !== claimed.from)
    throw replaced('be replaced by the site’s present key', 'an older one')
  if (!known && site.formerKeys.includes(claimed.to)) throw replaced('be a new one', 'a former one')
  const change = await verifyPayload('siteKeyChange', request, claimed.from)
  const accepted = await verifyPayload('siteKeyChange', proof, claimed.to)
  if (JSON.stringify(change) !== JSON.stringify(accepted)) {
    throw new TesseraError('ERR_SIGNATURE_INVALID', 'both keys must sign the same change, got two')
  }
  if (change.coordinator !== coordinatorKey) {
    throw new TesseraError(
      'ERR_COORDINATOR_KEY',
      'change of key must be for this coordinator, got another key',
    )
  }
  return { change, known }
}

function replaced(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_SITE_KEY', `key must ${rule}, got ${got}`)
}
