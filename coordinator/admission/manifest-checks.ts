/** @file The border's checks of a manifest, each with its code. They run in this order before a byte of the delta is taken, and again before it counts. */
import { deltaBytes } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import type { Manifest } from '@tessera/shared/protocol'
import { fingerprint } from '@tessera/shared/security'
import type { Site } from '../enrolment/registry.ts'
import { hasDelivered, keptRounds, lateRound, limitMs, openTo } from '../rounds/index.ts'
import type { Border } from './border.ts'

/** Gives the site's entry. @throws {TesseraError} ERR_SITE_UNKNOWN */
export function knownSite({ registry }: Pick<Border, 'registry'>, site: string): Site {
  const known = registry.sites.get(site)
  if (known === undefined) throw new TesseraError('ERR_SITE_UNKNOWN', `site must be enrolled, got ${site}`)
  return known
}

/** @throws {TesseraError} ERR_SIGNATURE_INVALID if a manifest or judgement names another site than the one that signed it; ERR_STUDY_UNKNOWN if another study. */
export function checkSender({ site, study }: Border, signed: Pick<Manifest, 'site' | 'study'>): void {
  if (signed.site !== site) {
    throw new TesseraError(
      'ERR_SIGNATURE_INVALID',
      `message must name its signer ${site}, got ${signed.site}`,
    )
  }
  if (signed.study !== study.id) {
    throw new TesseraError('ERR_STUDY_UNKNOWN', `message must be of study ${study.id}, got ${signed.study}`)
  }
}

/** @throws {TesseraError} ERR_SITE_UNKNOWN or ERR_SITE_REVOKED */
export function checkSiteState(border: Pick<Border, 'registry'>, site: string): void {
  if (!knownSite(border, site).revoked) return
  throw new TesseraError('ERR_SITE_REVOKED', `site must not be revoked, got ${site}`)
}

/** @throws {TesseraError} ERR_SITE_PENDING, naming the fingerprint to compare, if the operator has not approved the site's key. */
export function checkApproved(border: Pick<Border, 'registry'>, site: string): void {
  const { approved, publicKey } = knownSite(border, site)
  if (approved) return
  throw new TesseraError(
    'ERR_SITE_PENDING',
    `site must be approved by the operator, got ${site} pending: tell the operator its fingerprint ${fingerprint(publicKey)}`,
  )
}

/**
 * The nonce must be that of the site's open offer, or of the very offer that a late update may still answer. What else it may be is told
 * apart: the site's own update again (ERR_UPDATE_DUPLICATE while its round is open, ERR_UPDATE_REPLAYED later), a late one or any of a round
 * that is not looked back on (ERR_ROUND_CLOSED), one without an offer (ERR_ROUND_NOT_OFFERED), or anything else (ERR_UPDATE_REPLAYED).
 */
export function checkReplay({ rounds, site }: Border, { nonce, round, attempt }: Manifest): void {
  const { current, history, carried } = rounds
  if (lateRound(rounds, { site, round, attempt })?.offers.get(site) === nonce) return
  if ((current?.accepted ?? carried).has(site) && round === rounds.round) {
    throw new TesseraError(
      'ERR_UPDATE_DUPLICATE',
      `site must deliver round ${round} once, got its update again`,
    )
  }
  if (current?.offers.get(site) === nonce) return
  const past = history.find((ended) => ended.offers.get(site) === nonce)
  const forgotten = past === undefined && round < rounds.round - keptRounds(rounds.policy)
  if (forgotten || (past !== undefined && !hasDelivered(rounds, site, past.round))) {
    throw new TesseraError(
      'ERR_ROUND_CLOSED',
      `round must be open, got round ${past?.round ?? round} that has ended`,
    )
  }
  if (past === undefined && current !== null && !current.offers.has(site)) {
    throw new TesseraError(
      'ERR_ROUND_NOT_OFFERED',
      `site must have been offered round ${current.round}, got ${site}`,
    )
  }
  throw new TesseraError(
    'ERR_UPDATE_REPLAYED',
    "manifest must hold the nonce of the site's open offer, got another",
  )
}

/**
 * An open round takes what comes, until it is closed; beyond its limit it is as good as that.
 * @throws {TesseraError} ERR_ROUND_WRONG if round or attempt are not the offer's; ERR_ROUND_CLOSED; ERR_UPDATE_EXPIRED
 */
export function checkRound({ rounds, site, nowMs }: Border, { round, attempt }: Manifest): void {
  if (lateRound(rounds, { site, round, attempt }) !== null) return
  const { current } = rounds
  if (current !== null && (current.round !== round || current.attempt !== attempt)) {
    throw new TesseraError(
      'ERR_ROUND_WRONG',
      `manifest must be of round ${current.round}, attempt ${current.attempt}, got round ${round}, attempt ${attempt}`,
    )
  }
  const endMs = limitMs(rounds.policy, openTo(rounds, { site, round, attempt }))
  if (nowMs >= endMs) {
    throw new TesseraError(
      'ERR_UPDATE_EXPIRED',
      `update must come before the end of its round, got it ${nowMs - endMs} ms late`,
    )
  }
}

/** @throws {TesseraError} ERR_UPDATE_BASE */
export function checkBase({ rounds, site }: Border, { base, round, attempt }: Manifest): void {
  const want = (lateRound(rounds, { site, round, attempt }) ?? rounds.current)?.base
  if (base !== want) throw new TesseraError('ERR_UPDATE_BASE', `base must be student ${want}, got ${base}`)
}

/** @throws {TesseraError} ERR_UPDATE_LAYOUT */
export function checkLayout(border: Border, { layoutHash }: Manifest): void {
  if (layoutHash === border.layoutHash) return
  throw new TesseraError('ERR_UPDATE_LAYOUT', `layout must be ${border.layoutHash}, got ${layoutHash}`)
}

/** @throws {TesseraError} ERR_UPDATE_ENCODING */
export function checkEncoding({ study }: Border, { encoding }: Manifest): void {
  const want = study.federation.encoding
  if (encoding === want) return
  throw new TesseraError('ERR_UPDATE_ENCODING', `delta must be encoded as ${want}, got ${encoding}`)
}

/** @throws {TesseraError} ERR_UPDATE_SIZE */
export function checkDeclaredBytes({ layout, study }: Border, { bytes }: Manifest): void {
  const want = deltaBytes(layout, study.federation.encoding)
  if (bytes !== want)
    throw new TesseraError('ERR_UPDATE_SIZE', `delta must have ${want} bytes, got ${bytes} declared`)
}

/** No tile weighs more than once: `samples` cannot exceed the tiles the site says it has seen, nor can the right ones. @throws {TesseraError} ERR_UPDATE_SAMPLES */
export function checkSamples(_border: Border, { samples, metrics }: Manifest): void {
  const { seen } = metrics
  const correct = metrics.correct ?? 0
  if (samples <= seen && correct <= seen) return
  throw new TesseraError(
    'ERR_UPDATE_SAMPLES',
    `samples and correct must be at most the ${seen} tiles seen, got ${samples} and ${correct}`,
  )
}
