/**
 * @file Updates that come when their round has ended: refused, or counted in a later round with less weight.
 *
 *   w = n / √(1 + s)
 *
 * n: samples · s: staleness, the rounds between the one it was trained for and the one it counts in.
 * Source: Nguyen et al., "Federated Learning with Buffered Asynchronous Aggregation", AISTATS 2022, section 5,
 * https://arxiv.org/abs/2106.06639. Differs: rounds stay rounds, and a site has one update in each, late or not.
 */
import type { UpdateAccepted } from './events.ts'
import type { Round, RoundsState } from './state.ts'

/** Which offer an update answers. */
export interface Answer {
  readonly site: string
  readonly round: number
  readonly attempt: number
}

/** Rounds between the offer that an update answers and the one it counts in; 0 for one in time. */
export function staleness({ round, late }: Pick<UpdateAccepted, 'round' | 'late'>): number {
  return late === undefined ? 0 : round - late.round
}

/** An update's weight in the mean, in samples. */
export function weightOf(update: Pick<UpdateAccepted, 'samples' | 'round' | 'late'>): number {
  return update.samples / Math.sqrt(1 + staleness(update))
}

/** True when an update that the site trained for `round` has been accepted, wherever it counts. */
export function hasDelivered(
  { history, current, carried, withdrawn }: RoundsState,
  site: string,
  round: number,
): boolean {
  if (withdrawn.some((answer) => answer.site === site && answer.round === round)) return true
  return [...history, { accepted: carried }, ...(current === null ? [] : [current])].some(({ accepted }) => {
    const update = accepted.get(site)
    return update !== undefined && (update.late?.round ?? update.round) === round
  })
}

/**
 * Gives the ended attempt that an update answers if it may still count: in the open round, or in the next one while none is open. Null if it
 * answers the open round, or may not: late updates are refused, it is too old, its site was not offered that attempt, declined it, has
 * delivered it, or has another update in the round it would count in.
 */
export function lateRound(state: RoundsState, { site, round, attempt }: Answer): Round | null {
  const { phase, current, carried, history, policy } = state
  if (policy.late === 'refuse' || (phase !== 'waiting' && phase !== 'collecting')) return null
  if (round >= state.round || state.round - round > policy.late.maxStaleness) return null
  if ((current?.accepted ?? carried).has(site) || current?.excused.has(site)) return null
  const past = history.find((ended) => ended.round === round && ended.attempt === attempt)
  if (!past?.offers.has(site) || past.excused.has(site) || hasDelivered(state, site, round)) return null
  return past
}
