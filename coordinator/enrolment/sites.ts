/** @file The operator's decisions about sites that are in, or on their way in. Each works beside a coordinator that runs. */
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { fingerprint, sameFingerprint } from '@tessera/shared/security'
import { loadCoordinator } from '../config.ts'
import { readEvents, submit } from '../store/index.ts'
import { forgetKitSecret } from './invite.ts'
import { EMPTY_REGISTRY, evolveRegistry, type Registry, type Site } from './registry.ts'

interface OfSite {
  readonly dir: string
  readonly site: string
  readonly clock?: Clock | undefined
}

/** `invited`: a kit is out; `lapsed`: its kit was not used in time, or was taken back; `pending`: enrolled, to be approved. */
export type SiteState = 'invited' | 'lapsed' | 'pending' | 'enrolled' | 'revoked'

export interface SiteEntry {
  readonly site: string
  readonly state: SiteState
  /** Of its key; null while it has none. */
  readonly fingerprint: string | null
  /** Of keys that it has replaced. */
  readonly former: number
}

/** Gives every site that has a kit or a key, in the order of names. */
export function siteEntries(registry: Registry, nowMs: number): SiteEntry[] {
  const kits = [...registry.kits.values()]
  const names = [...new Set([...registry.sites.keys(), ...kits.map(({ site }) => site)])].toSorted()
  return names.map((name): SiteEntry => {
    const site = registry.sites.get(name)
    if (site === undefined) {
      const open = kits.some((kit) => kit.site === name && kit.expiresAtMs > nowMs)
      return { site: name, state: open ? 'invited' : 'lapsed', fingerprint: null, former: 0 }
    }
    const print = fingerprint(site.publicKey)
    return { site: name, state: stateOf(site), fingerprint: print, former: site.formerKeys.length }
  })
}

function stateOf({ revoked, approved }: Site): SiteState {
  if (revoked) return 'revoked'
  return approved ? 'enrolled' : 'pending'
}

/** As {@link siteEntries}, from a coordinator's folder. */
export async function listSites({ dir, clock = systemClock }: Omit<OfSite, 'site'>): Promise<SiteEntry[]> {
  return siteEntries(await readRegistry(dir), clock.now())
}

/**
 * Lets a site's present key take part, and gives its fingerprint.
 * @param options.fingerprint As the site said it by phone; blanks and case do not matter.
 * @throws {TesseraError} ERR_SITE_UNKNOWN, ERR_SITE_REVOKED; ERR_FINGERPRINT if the key has another.
 */
export async function approve(options: OfSite & { fingerprint?: string | undefined }): Promise<string> {
  const { dir, site: name, clock = systemClock } = options
  const site = (await readRegistry(dir)).sites.get(name)
  if (site === undefined) throw new TesseraError('ERR_SITE_UNKNOWN', `site must be enrolled, got ${name}`)
  if (site.revoked) throw new TesseraError('ERR_SITE_REVOKED', `site must not be revoked, got ${name}`)
  const print = fingerprint(site.publicKey)
  if (options.fingerprint !== undefined && !sameFingerprint(options.fingerprint, print)) {
    throw new TesseraError(
      'ERR_FINGERPRINT',
      `key of site ${name} must have the given fingerprint, got ${print}`,
    )
  }
  await submit(dir, { type: 'site.approved', site: name, publicKey: site.publicKey, atMs: clock.now() })
  return print
}

/** Makes a site's unused kits void. @throws {TesseraError} ERR_SITE_UNKNOWN if neither the site nor a kit for it is known. */
export async function withdraw({ dir, site, clock = systemClock }: OfSite): Promise<void> {
  const registry = await readRegistry(dir)
  const kits = [...registry.kits.values()].filter((kit) => kit.site === site)
  if (!registry.sites.has(site) && kits.length === 0) {
    throw new TesseraError('ERR_SITE_UNKNOWN', `site must be enrolled or invited, got ${site}`)
  }
  await submit(dir, { type: 'kits.withdrawn', site, atMs: clock.now() })
  // A coordinator that runs does the same for kits that this command cannot see yet.
  for (const { kit } of kits) await forgetKitSecret(dir, kit)
}

async function readRegistry(dir: string): Promise<Registry> {
  await loadCoordinator(dir)
  return (await readEvents(dir)).reduce(evolveRegistry, EMPTY_REGISTRY)
}
