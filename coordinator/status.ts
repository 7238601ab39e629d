/** @file What a coordinator's folder says, whether or not the coordinator runs. */

import { loadCoordinator } from './config.ts'
import { EMPTY_REGISTRY, evolveRegistry, type SiteEntry, siteEntries } from './enrolment/index.ts'
import { alarms } from './rounds/index.ts'
import { readEvents } from './store/index.ts'
import { createdStudies, replayRounds } from './studies/index.ts'

export interface Status {
  readonly url: string
  readonly studies: readonly {
    readonly study: string
    readonly phase: string
    readonly paused: boolean
    readonly round: number
    readonly rounds: number
    readonly attempt: number
    readonly accepted: number
    readonly offered: number
    readonly student: string
    /** Sites left out of `alarmAfter` rounds running, or more. */
    readonly excluded: readonly { readonly site: string; readonly rounds: number }[]
  }[]
  readonly sites: readonly Pick<SiteEntry, 'site' | 'state'>[]
}

/** Reads the log and sums it up. @throws {TesseraError} ERR_CONFIG_INVALID, ERR_STORE_CORRUPT */
export async function readStatus(dir: string, nowMs: number): Promise<Status> {
  const { config } = await loadCoordinator(dir)
  const events = await readEvents(dir)
  const registry = events.reduce(evolveRegistry, EMPTY_REGISTRY)
  return {
    url: config.url,
    studies: createdStudies(events).map((created) => {
      const state = replayRounds(created, events)
      const { study, phase, paused, round, rounds, attempt, current, student } = state
      const [accepted, offered] = [current?.accepted.size ?? 0, current?.offers.size ?? 0]
      return {
        study,
        phase,
        paused,
        round,
        rounds,
        attempt,
        accepted,
        offered,
        student,
        excluded: alarms(state),
      }
    }),
    sites: siteEntries(registry, nowMs).map(({ site, state }) => ({ site, state })),
  }
}

/** The same for people. */
export function formatStatus({ url, studies, sites }: Status): string {
  const lines = [`coordinator at ${url}`, '', studies.length === 0 ? 'no study yet' : 'studies']
  for (const { study, phase, paused, round, rounds, attempt, accepted, offered, excluded } of studies) {
    const answers = phase === 'collecting' ? `, attempt ${attempt}: ${accepted} of ${offered} delivered` : ''
    lines.push(`  ${study}  ${phase}${paused ? ' (paused)' : ''}, round ${round} of ${rounds}${answers}`)
    for (const { site, rounds } of excluded)
      lines.push(`    ALARM  ${site} is left out of ${rounds} rounds running`)
  }
  lines.push('', sites.length === 0 ? 'no site yet' : 'sites')
  for (const { site, state } of sites) lines.push(`  ${site}  ${state}`)
  return `${lines.join('\n')}\n`
}
