/** @file The sites as rows: who each is, whether it is there, and whether something is wrong. */
import type { SiteRow } from '@tessera/shared/dashboard/coordinator-view'
import { type Registry, type SiteEntry, siteEntries } from '../enrolment/index.ts'
import { alarms, isOver } from '../rounds/index.ts'
import type { SiteActivity, StudyRun } from '../running/index.ts'
import type { Memory } from './memory.ts'

/** Gives rows, which are made as often as anything changes; fingerprints of a thousand keys only when the registry does. */
export type SiteRows = (
  registry: Registry,
  runs: readonly StudyRun[],
  memory: Memory,
  nowMs: number,
) => SiteRow[]

/** Kits lapse by themselves; so much later is soon enough to see it. */
const ENTRIES_FOR_MS = 10_000

export function createSiteRows(): SiteRows {
  let known: { registry: Registry; atMs: number; entries: readonly SiteEntry[] } | null = null
  return (registry, runs, memory, nowMs) => {
    if (known?.registry !== registry || nowMs >= known.atMs + ENTRIES_FOR_MS) {
      known = { registry, atMs: nowMs, entries: siteEntries(registry, nowMs) }
    }
    const online = new Map<string, string[]>()
    const missing = new Map<string, { study: string; rounds: number }[]>()
    for (const run of runs) {
      const { id } = run.study
      for (const site of run.connected()) append(online, site, id)
      if (isOver(run.state().phase)) continue
      for (const { site, rounds } of alarms(run.state())) append(missing, site, { study: id, rounds })
    }
    return known.entries.map(({ site, state, fingerprint, former }) => {
      const latest = latestActivity(runs, site)
      return {
        site,
        state,
        fingerprint,
        formerKeys: former,
        online: online.get(site) ?? [],
        lastSeenAtMs: latest?.seenAtMs ?? memory.heardOf(site),
        version: latest?.version ?? null,
        engine: latest?.engine ?? null,
        imagesPerSecond: latest?.imagesPerSecond ?? null,
        alarms: missing.get(site) ?? [],
      }
    })
  }
}

/** In whichever study it was last seen. */
function latestActivity(runs: readonly StudyRun[], site: string): SiteActivity | null {
  let latest: SiteActivity | null = null
  for (const run of runs) {
    const activity = run.activity(site)
    if (activity !== null && activity.seenAtMs > (latest?.seenAtMs ?? -1)) latest = activity
  }
  return latest
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
