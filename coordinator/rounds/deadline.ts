/**
 * @file When a round ends without an answer of everyone.
 *
 * Each offered site has a deadline of its own: `deadlineMs` after the offer, and after each sign of progress, but never beyond the round's
 * limit. The round waits for the latest of those that are still to answer; once it has what it needs, `graceMs` and no longer. One site's
 * progress does not keep another that has vanished.
 */
import { contributors, type Round, type RoundPolicy } from './state.ts'

/** Time of the last sign of progress by site. */
export type Signs = ReadonlyMap<string, number>

/** Offered sites that have not answered. */
export function pending({ offers, accepted, excused }: Round): string[] {
  return [...offers.keys()].filter((site) => !accepted.has(site) && !excused.has(site))
}

/** The round's end, whatever its sites do. */
export function limitMs({ deadlineMs, stretch }: RoundPolicy, { openedAtMs }: Round): number {
  return openedAtMs + Math.floor(stretch * deadlineMs)
}

/** Until when a site is waited for, its last sign taken in. */
function deadlineOf(site: string, policy: RoundPolicy, round: Round, signs: Signs): number {
  const promised = round.deadlines.get(site) ?? round.deadlineMs
  const sign = signs.get(site)
  if (sign === undefined) return promised
  return Math.max(promised, Math.min(sign + policy.deadlineMs, limitMs(policy, round)))
}

/** Deadlines that signs of progress have moved since they were logged. */
export function movedDeadlines(
  policy: RoundPolicy,
  round: Round,
  signs: Signs,
): { site: string; deadlineMs: number }[] {
  return pending(round)
    .map((site) => ({ site, deadlineMs: deadlineOf(site, policy, round, signs) }))
    .filter(({ site, deadlineMs }) => deadlineMs > (round.deadlines.get(site) ?? 0))
}

/** True when the round has what it needs to be published. */
export function isEnough(
  { quorum, minSamples }: RoundPolicy,
  updates: readonly { samples: number }[],
): boolean {
  return updates.length >= quorum && updates.reduce((sum, { samples }) => sum + samples, 0) >= minSamples
}

/** Updates that count if the round ends now. */
export function counted(round: Round): { readonly samples: number; readonly receivedAtMs: number }[] {
  return contributors(round).flatMap((site) => round.accepted.get(site) ?? [])
}

/** When the round had what it needs; null if it has not. */
function enoughAtMs(policy: RoundPolicy, round: Round): number | null {
  const byTime = counted(round).toSorted((a, b) => a.receivedAtMs - b.receivedAtMs)
  const at = byTime.findIndex((_, i) => isEnough(policy, byTime.slice(0, i + 1)))
  return at === -1 ? null : Math.max(round.openedAtMs, byTime[at]?.receivedAtMs ?? 0)
}

/** When the round ends, as far as is known now; the grace and the sites' deadlines, without signs that are not logged yet. */
export function closesAtMs(policy: RoundPolicy, round: Round): number {
  return Math.min(
    graceEndsAtMs(policy, round),
    Math.max(round.openedAtMs, ...pending(round).map((site) => round.deadlines.get(site) ?? 0)),
  )
}

/** When those that are not there yet are waited for no more, progress or not; Infinity while the round needs them. */
export function graceEndsAtMs(policy: RoundPolicy, round: Round): number {
  const enoughMs = policy.graceMs === null ? null : enoughAtMs(policy, round)
  return enoughMs === null ? Number.POSITIVE_INFINITY : enoughMs + (policy.graceMs ?? 0)
}

/** Why a site that has not answered is absent: it was silent for too long, or the round did not wait for it. */
export function absenceCode(
  site: string,
  policy: RoundPolicy,
  round: Round,
  { nowMs, signs }: { nowMs: number; signs: Signs },
): string {
  return deadlineOf(site, policy, round, signs) <= nowMs ? 'ERR_TIMED_OUT' : 'ERR_ROUND_CLOSED'
}
