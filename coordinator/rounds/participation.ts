/** @file Who took part in each round, how much, how late, and why not: read off the ended attempts, so that it is the same whenever it is asked for. */
import { staleness } from './late.ts'
import { leftOutAfter } from './left-out.ts'
import type { Round, RoundEnd, RoundsState } from './state.ts'

/** `away`: it was offered a round of this study before, and was not there when this one opened. `not-drawn`: it was there, and the cohort was drawn without it. */
export type Part = 'contributed' | 'declined' | 'absent' | 'away' | 'not-drawn'

export interface SiteParticipation {
  readonly site: string
  readonly part: Part
  /** Of a contributor: tiles it trained on, and the L2 norm of its delta. */
  readonly samples: number | null
  readonly norm: number | null
  /** From the opening of the attempt to its update; negative when the update was there before. */
  readonly afterMs: number | null
  /** Rounds between the one it was trained for and this one; 0 is in time. */
  readonly staleness: number | null
  /** Of the others: why not. */
  readonly code: string | null
  /** Published rounds running, this one included, that it has no part in. */
  readonly leftOut: number
}

export interface RoundParticipation {
  readonly round: number
  readonly attempt: number
  readonly outcome: 'publish' | 'retry'
  readonly openedAtMs: number
  readonly closedAtMs: number
  /** Samples that count. */
  readonly samples: number
  readonly sites: readonly SiteParticipation[]
}

/**
 * Gives the ended attempts, in their order. Whoever is revoked by now is not missed.
 * @param ended Every one of them, from the first.
 * @param state After the last of them.
 */
export function participation(
  ended: readonly Round[],
  { leftOut: members }: RoundsState,
): RoundParticipation[] {
  let leftOut: RoundsState['leftOut'] = new Map()
  return ended.flatMap((round) => {
    const { end } = round
    if (end === null) return []
    const missed = [...leftOut.keys()].filter((site) => members.has(site))
    leftOut = leftOutAfter(leftOut, round)
    const names = new Set([...missed, ...round.offers.keys(), ...round.notDrawn, ...round.accepted.keys()])
    const sites = [...names]
      .toSorted()
      .map((site) => ({ ...inRound(site, round, end), leftOut: leftOut.get(site) ?? 0 }))
    return [
      {
        round: round.round,
        attempt: round.attempt,
        outcome: end.outcome,
        openedAtMs: round.openedAtMs,
        closedAtMs: end.closedAtMs,
        samples: sites.reduce((sum, { samples }) => sum + (samples ?? 0), 0),
        sites,
      },
    ]
  })
}

function inRound(site: string, round: Round, end: RoundEnd): Omit<SiteParticipation, 'leftOut'> {
  const update = round.accepted.get(site)
  const nothing = { site, samples: null, norm: null, afterMs: null, staleness: null, code: null }
  if (update !== undefined && end.contributors.includes(site)) {
    const { samples, norm, receivedAtMs } = update
    const afterMs = receivedAtMs - round.openedAtMs
    return { site, part: 'contributed', samples, norm, afterMs, staleness: staleness(update), code: null }
  }
  if (round.notDrawn.includes(site)) return { ...nothing, part: 'not-drawn' }
  const code = end.absent.find((absence) => absence.site === site)?.code
  if (code === undefined) return { ...nothing, part: 'away' }
  return { ...nothing, part: round.excused.has(site) ? 'declined' : 'absent', code }
}
