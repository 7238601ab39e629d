/** @file Two sites in a study of a running coordinator. */
import type { StudyInput } from '@tessera/shared/protocol'
import type { generateKeyPair } from '@tessera/shared/security'
import {
  coordinatorFolder,
  deltaOf,
  enrolled,
  joined,
  type RawSite,
  started,
  TINY_STUDY,
} from './raw-site.ts'

/** A running coordinator with sites north and south in its study; both have their offer of round 1. */
export async function federation(
  settings: StudyInput['federation'] = {},
  more: Partial<StudyInput> = {},
): Promise<
  Awaited<ReturnType<typeof started>> & {
    dir: string
    url: string
    key: string
    keys: Record<'north' | 'south', Awaited<ReturnType<typeof generateKeyPair>>>
    north: RawSite
    south: RawSite
  }
> {
  const federation = { ...TINY_STUDY.federation, ...settings }
  const dir = await coordinatorFolder({ ...TINY_STUDY, ...more, federation })
  const run = await started(dir)
  const { url, publicKey: key } = run.coordinator
  const keys = { north: await enrolled(dir, url, 'north'), south: await enrolled(dir, url, 'south') }
  const north = await joined(url, key, 'north', keys.north)
  const south = await joined(url, key, 'south', keys.south)
  return { ...run, dir, url, key, keys, north, south }
}

/** Each site delivers a delta of its value, with 1, 2, … samples. */
export async function wholeRound(sites: readonly RawSite[], values: readonly number[]): Promise<void> {
  for (const [i, site] of sites.entries()) {
    const bytes = deltaOf(values[i] ?? 0)
    await site.deliver(await site.manifest(await site.offer(), bytes, { samples: i + 1 }), bytes)
  }
}
