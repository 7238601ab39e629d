/** @file What sites have signed: each accepted update's manifest and each judgement under the key that the site had then, and each change of such a key. */
import { asTesseraError } from '@tessera/shared/errors'
import { broken, sha256Hex, verifyPayload } from '@tessera/shared/security'
import type { Registry } from '../enrolment/registry.ts'
import type { SiteRekeyed } from '../events.ts'
import type { JudgementAccepted, UpdateAccepted } from '../rounds/index.ts'

/**
 * Gives the key that signed an accepted update.
 * @throws {TesseraError} ERR_LEDGER_BROKEN if its manifest is not what the site signed, or says something else than the update's entry.
 */
export async function checkUpdate(
  update: UpdateAccepted,
  registry: Registry,
  layoutHash: string,
): Promise<string> {
  const { site, round } = update
  const key = keyOf(registry, site, round, 'updates')
  if (sha256Hex(update.manifest) !== update.manifestSha256) {
    throw broken(round, `have the manifest of ${site} that its entry names`, 'another')
  }
  const manifest = await verifyPayload('manifest', update.manifest, key).catch((cause: unknown) => {
    throw broken(round, `have a manifest signed by ${site}`, asTesseraError(cause).code, cause)
  })
  const { study, samples, payload, bytes } = update
  // A late update is signed for the offer that it answers, and not for the round that it counts in.
  const { round: answered, attempt } = update.late ?? update
  const want = { study, site, round: answered, attempt, samples, payload, bytes, layoutHash }
  for (const [field, value] of Object.entries(want)) {
    const got = manifest[field as keyof typeof want]
    if (got !== value)
      throw broken(round, `have an update of ${site} with ${field} ${value}`, `${got} signed`)
  }
  return key
}

/** @throws {TesseraError} ERR_LEDGER_BROKEN if a judgement is not what the site signed, or says something else than its entry. */
export async function checkJudgement(event: JudgementAccepted, registry: Registry): Promise<void> {
  const { site, round, judgement: token, judgementSha256 } = event
  if (sha256Hex(token) !== judgementSha256) {
    throw broken(round, `have the judgement of ${site} that its entry names`, 'another')
  }
  const key = keyOf(registry, site, round, 'judgements')
  const judgement = await verifyPayload('judgement', token, key).catch((cause: unknown) => {
    throw broken(round, `have a judgement signed by ${site}`, asTesseraError(cause).code, cause)
  })
  for (const field of ['study', 'site', 'round', 'student', 'counts', 'withheld'] as const) {
    if (JSON.stringify(judgement[field]) === JSON.stringify(event[field])) continue
    throw broken(round, `have a judgement of ${site} with the ${field} of its entry`, 'another signed')
  }
}

function keyOf({ sites }: Registry, site: string, round: number, what: string): string {
  const key = sites.get(site)?.publicKey
  if (key === undefined) throw broken(round, `have ${what} of enrolled sites only`, site)
  return key
}

/** @throws {TesseraError} ERR_LEDGER_BROKEN if a site's key was replaced without its word. @param round The one it happened in. */
export async function checkRekeying(
  { site, from, to, request, proof }: SiteRekeyed,
  round: number,
): Promise<void> {
  const signed = await Promise.all([
    verifyPayload('siteKeyChange', request, from),
    verifyPayload('siteKeyChange', proof, to),
  ]).catch((cause: unknown) => {
    throw broken(round, `have a new key of ${site} that its old one signed`, 'another signature', cause)
  })
  if (signed.every((change) => change.site === site && change.from === from && change.to === to)) return
  throw broken(round, `have a new key of ${site} as it was signed`, 'another')
}
