/** @file For how many rounds running each site has had no part: what the alarm goes by. */
import type { Round, RoundsState } from './state.ts'

/**
 * The count after an attempt, in published rounds. A site counts from the first round it was offered until it is revoked, whether it was away, declined, was
 * too late or was not waited for; one that was there and not drawn is where it was.
 */
export function leftOutAfter(
  before: RoundsState['leftOut'],
  { offers, notDrawn, excused, end }: Round,
): RoundsState['leftOut'] {
  const members = [...new Set([...before.keys(), ...offers.keys()])].filter(
    (site) => excused.get(site) !== 'ERR_SITE_REVOKED',
  )
  const roundsOf = (site: string): number => {
    const rounds = before.get(site) ?? 0
    if (end?.outcome !== 'publish') return rounds
    if (end.contributors.includes(site)) return 0
    return notDrawn.includes(site) ? rounds : rounds + 1
  }
  return new Map(members.toSorted().map((site) => [site, roundsOf(site)]))
}

/** Sites that an alarm is raised for, with their rounds. */
export function alarms({ leftOut, policy }: RoundsState): { site: string; rounds: number }[] {
  return [...leftOut]
    .filter(([, rounds]) => rounds >= policy.alarmAfter)
    .map(([site, rounds]) => ({ site, rounds }))
}
