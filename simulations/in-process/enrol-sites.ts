/** @file Enrols the sites of a federation in this process, as its operator and its hospitals would: a kit, a key, a signed policy. */
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { invite } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import { fingerprint } from '@tessera/shared/security'
import { type Dial, enroll } from '@tessera/site-agent'

export interface EnrolSitesOptions {
  /** Folder of the federation. */
  readonly root: string
  readonly sites: readonly { readonly name: string }[]
  readonly coordinator: {
    readonly dir: string
    readonly url: string
    readonly dial: Dial
    readonly publicKey: string
  }
  /** Sites of one lane, by their places in the list, share a cache of models; no two of them are in a round at once. */
  readonly lanes: number
  /** Enrolments at once. */
  readonly atOnce: number
  readonly signal: AbortSignal
}

/** A site's folder below that of its federation. */
export function siteDir(root: string, name: string): string {
  return join(root, 'sites', name)
}

/** @throws {TesseraError} What {@link invite} and {@link enroll} throw. */
export async function enrolSites(options: EnrolSitesOptions): Promise<void> {
  const { root, sites, lanes, atOnce } = options
  for (let lane = 0; lane < lanes; lane++) await mkdir(cacheOf(root, lane), { recursive: true, mode: 0o700 })
  const queue = sites.entries()
  const enrolNext = async (): Promise<void> => {
    for (const [i, { name }] of queue) await enrolSite(name, i % lanes, options)
  }
  await Promise.all(Array.from({ length: atOnce }, enrolNext))
}

async function enrolSite(
  site: string,
  lane: number,
  { root, coordinator, signal }: EnrolSitesOptions,
): Promise<void> {
  const { url, dial, publicKey } = coordinator
  const dir = siteDir(root, site)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await symlink(cacheOf(join('..', '..'), lane), join(dir, 'cache'))
  await writeFile(join(dir, 'policy.yaml'), policyOf(site, publicKey))
  const kitFile = join(root, 'kits', `${site}.json`)
  await invite({ dir: coordinator.dir, site, url, file: kitFile, autoApprove: true })
  await enroll({ kitFile, dir, acceptPolicy: true, dial, signal, log: silentLog, clock: systemClock })
}

const cacheOf = (root: string, lane: number): string => join(root, `cache-${lane}`)

/** A policy that holds nothing back: no patient is behind these tiles, and a day's rounds are done in minutes. JSON is YAML. */
function policyOf(site: string, coordinatorKey: string): string {
  return JSON.stringify({
    version: 1,
    site,
    studies: 'any',
    coordinators: [fingerprint(coordinatorKey)],
    teachers: 'any',
    statisticsMayLeave: true,
    smallestSampleCount: 1,
    smallestClassCount: 1,
    judging: 'counts',
    largestUpload: { roundBytes: 1e9, dayBytes: 1e13 },
    normClip: 'none',
    timeZone: 'UTC',
    hours: 'always',
    approval: 'none',
    roundsPerDay: 100_000,
  })
}
