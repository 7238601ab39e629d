/**
 * @file A study's published rounds, for curves and for each site's newest update: read off the events as they are replayed at the start and as they happen, so that nothing is
 * read from the store when somebody looks. Memory: {@link createThinned}'s bounds, and one record for each site.
 */

import type { RoundRow, SiteHistory, StudyHistory } from '@tessera/shared/dashboard/coordinator-api'
import type { MemberRow } from '@tessera/shared/dashboard/coordinator-view'
import type { RoundClosed, RoundEvent, UpdateAccepted } from '../rounds/index.ts'
import { createThinned } from './thinned.ts'

type Update = Pick<UpdateAccepted, 'samples' | 'loss' | 'norm' | 'bytes'>
interface PastRound {
  readonly round: number
  readonly row: RoundRow
  readonly sites: ReadonlyMap<string, Omit<Update, 'bytes'>>
}

export interface Past {
  /** Takes in an event of the study; others change nothing. */
  note(event: RoundEvent): void
  /** Rounds that are published. */
  published(): number
  /** Mean loss of the newest one. */
  loss(): number | null
  /** Bytes of all updates that count. */
  bytesUp(): number
  /** A site's newest update that counts. */
  last(site: string): MemberRow['last']
  history(): StudyHistory
  site(site: string): SiteHistory
}

/** Builds the past of one study, empty. */
export function createPast(study: string): Past {
  const rounds = createThinned<PastRound>()
  const last = new Map<string, MemberRow['last']>()
  /** Updates that wait for the end of their round, over all of its attempts. */
  let waiting = new Map<string, Update>()
  let opened = { atMs: 0, offered: 0 }
  /** Closed, and its student is being made. */
  let closed: PastRound | null = null
  let published = 0
  let bytesUp = 0

  const close = ({ round, attempt, contributors, closedAtMs }: RoundClosed): PastRound => {
    const counted = contributors.flatMap((site) => {
      const update = waiting.get(site)
      return update === undefined ? [] : [[site, update] as const]
    })
    const updates = counted.map(([, update]) => update)
    const row = {
      round,
      attempts: attempt,
      closedAtMs,
      wallMs: Math.max(0, closedAtMs - opened.atMs),
      offered: opened.offered,
      contributors: contributors.length,
      samples: sum(updates.map(({ samples }) => samples)),
      loss: meanLoss(updates),
      norm: updates.length === 0 ? 0 : sum(updates.map(({ norm }) => norm)) / updates.length,
      bytes: sum(updates.map(({ bytes }) => bytes)),
    }
    return {
      round,
      row,
      sites: new Map(counted.map(([site, { samples, loss, norm }]) => [site, { samples, loss, norm }])),
    }
  }
  const publish = (past: PastRound): void => {
    const { round, row, sites } = past
    published = round
    bytesUp += row.bytes
    for (const [site, { samples, loss, norm }] of sites) {
      last.set(site, { round, samples, share: samples / row.samples, norm, loss })
    }
    rounds.add(past, sites.size)
    waiting = new Map()
    closed = null
  }
  return {
    note(event) {
      if (!('study' in event) || event.study !== study) return
      if (event.type === 'round.opened') {
        opened = { atMs: event.openedAtMs, offered: event.offers.length }
      } else if (event.type === 'update.accepted') {
        const { samples, loss, norm, bytes } = event
        waiting.set(event.site, { samples, loss, norm, bytes })
      } else if (event.type === 'round.closed' && event.outcome === 'publish') closed = close(event)
      else if (event.type === 'round.published' && closed !== null) publish(closed)
    },
    published: () => published,
    loss: () => rounds.newest()?.row.loss ?? null,
    bytesUp: () => bytesUp,
    last: (site) => last.get(site) ?? null,
    history: () => ({
      study,
      every: rounds.every,
      rounds: rounds.rows().map(({ row }) => row),
    }),
    site(site) {
      const rows = rounds.rows()
      const of = (value: (update: Omit<Update, 'bytes'>) => number | null): (number | null)[] =>
        rows.map(({ sites }) => {
          const update = sites.get(site)
          return update === undefined ? null : value(update)
        })
      return {
        study,
        site,
        rounds: rows.map(({ round }) => round),
        loss: of(({ loss }) => loss),
        samples: of(({ samples }) => samples),
        norm: of(({ norm }) => norm),
      }
    },
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Over samples of those who tell it. */
function meanLoss(updates: readonly Update[]): number | null {
  const told = updates.flatMap(({ loss, samples }) => (loss === null ? [] : [{ loss, samples }]))
  if (told.length === 0) return null
  return sum(told.map(({ loss, samples }) => loss * samples)) / sum(told.map(({ samples }) => samples))
}
