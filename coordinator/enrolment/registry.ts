/** @file Which kits are out and which sites are in: a pure state, replayed from the log. */
import type { CommandEvent, SiteEnrolled, SiteRekeyed, StoredEvent } from '../events.ts'

type KitIssued = Extract<CommandEvent, { type: 'kit.issued' }>

export interface Kit {
  readonly kit: string
  readonly site: string
  readonly expiresAtMs: number
  /** Its site needs no approval. */
  readonly autoApprove: boolean
  /** Key it was used for; null while it is unused. */
  readonly usedBy: string | null
}

export interface Site {
  readonly site: string
  readonly publicKey: string
  readonly revoked: boolean
  /** The operator has compared this key's fingerprint, or has trusted its kit, or it follows from a key of which that is true. */
  readonly approved: boolean
  /** Keys it has had before, oldest first: what they signed then stays signed. */
  readonly formerKeys: readonly string[]
}

export interface Registry {
  readonly kits: ReadonlyMap<string, Kit>
  readonly sites: ReadonlyMap<string, Site>
}

export const EMPTY_REGISTRY: Registry = { kits: new Map(), sites: new Map() }

/** Gives the registry after an event; events of other parts change nothing. */
export function evolveRegistry(registry: Registry, event: StoredEvent): Registry {
  if (event.type === 'kit.issued') return { ...registry, kits: withKit(registry.kits, event) }
  if (event.type === 'kits.withdrawn') return { ...registry, kits: endKits(registry.kits, event) }
  if (event.type === 'site.enrolled') return enrolled(registry, event)
  if (event.type === 'site.rekeyed') return change(registry, event.site, (site) => rekeyed(site, event))
  if (event.type === 'site.approved') {
    return change(registry, event.site, (site) =>
      site.publicKey === event.publicKey ? { ...site, approved: true } : site,
    )
  }
  if (event.type === 'site.revoked') {
    const shut = { ...registry, kits: endKits(registry.kits, event) }
    return change(shut, event.site, (site) => ({ ...site, revoked: true }))
  }
  return registry
}

/** A new kit makes the site's older ones void: the usual reason for a second kit is that the first one was lost. */
function withKit(kits: Registry['kits'], event: KitIssued): Registry['kits'] {
  const { kit, site, expiresAtMs, autoApprove = false } = event
  if (kits.has(kit)) return kits
  return new Map(endKits(kits, event)).set(kit, { kit, site, expiresAtMs, autoApprove, usedBy: null })
}

function endKits(
  kits: Registry['kits'],
  { site, atMs }: { readonly site: string; readonly atMs: number },
): Registry['kits'] {
  return new Map(
    [...kits].map(([id, kit]) => [
      id,
      kit.site === site ? { ...kit, expiresAtMs: Math.min(kit.expiresAtMs, atMs) } : kit,
    ]),
  )
}

/** Enrolling again, with a new kit, replaces the key: that is how a site comes back after a loss or a revocation. */
function enrolled(registry: Registry, { kit, site, publicKey }: SiteEnrolled): Registry {
  const used = registry.kits.get(kit)
  const approved = used?.autoApprove ?? false
  return {
    kits: used ? new Map(registry.kits).set(kit, { ...used, usedBy: publicKey }) : registry.kits,
    sites: new Map(registry.sites).set(site, {
      site,
      publicKey,
      revoked: false,
      approved,
      formerKeys: keysOf(registry.sites.get(site)),
    }),
  }
}

/** A key that was approved vouches for the one it is replaced by. A revoked site's cannot. */
function rekeyed(site: Site, { from, to }: SiteRekeyed): Site {
  if (site.publicKey !== from || site.revoked) return site
  return { ...site, publicKey: to, formerKeys: keysOf(site) }
}

function keysOf(site: Site | undefined): readonly string[] {
  return site === undefined ? [] : [...site.formerKeys, site.publicKey]
}

function change(registry: Registry, name: string, to: (site: Site) => Site): Registry {
  const site = registry.sites.get(name)
  return site === undefined ? registry : { ...registry, sites: new Map(registry.sites).set(name, to(site)) }
}
