/** @file What a coordinator's folder says, whether or not the coordinator runs. */

import { loadCoordinator } from './config.ts'
import { EMPTY_REGISTRY, evolveRegistry, type SiteEntry, siteEntries } from './enrolment/index.ts'
import { readEvents } from './store/index.ts'
import { createdStudies, replayRounds } from './studies/index.ts'

export interface Status {
  readonly url: string
  readonly studies: readonly {
    readonly study: string
    readonly phase: string
    readonly round: number
    readonly rounds: number
    readonly attempt: number
    readonly accepted: number
    readonly offered: number
    readonly student: string
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
      const { study, phase, round, rounds, attempt, current, student } = replayRounds(created, events)
      const [accepted, offered] = [current?.accepted.size ?? 0, current?.offers.size ?? 0]
      return { study, phase, round, rounds, attempt, accepted, offered, student }
    }),
    sites: siteEntries(registry, nowMs).map(({ site, state }) => ({ site, state })),
  }
}

/** The same for people. */
export function formatStatus({ url, studies, sites }: Status): string {
  const lines = [`coordinator at ${url}`, '', studies.length === 0 ? 'no study yet' : 'studies']
  for (const { study, phase, round, rounds, attempt, accepted, offered } of studies) {
    const answers = phase === 'collecting' ? `, attempt ${attempt}: ${accepted} of ${offered} delivered` : ''
    lines.push(`  ${study}  ${phase}, round ${round} of ${rounds}${answers}`)
  }
  lines.push('', sites.length === 0 ? 'no site yet' : 'sites')
  for (const { site, state } of sites) lines.push(`  ${site}  ${state}`)
  return `${lines.join('\n')}\n`
}
