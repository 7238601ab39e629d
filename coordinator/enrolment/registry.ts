/** @file Which kits are out and which sites are in: a pure state, replayed from the log. */
import type { CommandEvent, SiteEnrolled, StoredEvent } from '../events.ts'

type KitIssued = Extract<CommandEvent, { type: 'kit.issued' }>

export interface Kit {
  readonly kit: string
  readonly site: string
  readonly expiresAtMs: number
  /** Key it was used for; null while it is unused. */
  readonly usedBy: string | null
}

export interface Site {
  readonly site: string
  readonly publicKey: string
  readonly revoked: boolean
}

export interface Registry {
  readonly kits: ReadonlyMap<string, Kit>
  readonly sites: ReadonlyMap<string, Site>
}

export const EMPTY_REGISTRY: Registry = { kits: new Map(), sites: new Map() }

/** Gives the registry after an event; events of other parts change nothing. */
export function evolveRegistry(registry: Registry, event: StoredEvent): Registry {
  if (event.type === 'kit.issued') return { ...registry, kits: withKit(registry.kits, event) }
  if (event.type === 'site.enrolled') return enrolled(registry, event)
  if (event.type === 'site.revoked') return revoked(registry, event)
  return registry
}

/** A new kit makes the site's older ones void: the usual reason for a second kit is that the first one was lost. */
function withKit(kits: Registry['kits'], { kit, site, expiresAtMs, atMs }: KitIssued): Registry['kits'] {
  if (kits.has(kit)) return kits
  const others = [...kits.values()].map((other) =>
    other.site === site ? { ...other, expiresAtMs: Math.min(other.expiresAtMs, atMs) } : other,
  )
  return new Map([...others, { kit, site, expiresAtMs, usedBy: null }].map((each) => [each.kit, each]))
}

/** Enrolling again, with a new kit, replaces the key: that is how a site comes back after a loss or a revocation. */
function enrolled(registry: Registry, { kit, site, publicKey }: SiteEnrolled): Registry {
  const used = registry.kits.get(kit)
  return {
    kits: used ? new Map(registry.kits).set(kit, { ...used, usedBy: publicKey }) : registry.kits,
    sites: new Map(registry.sites).set(site, { site, publicKey, revoked: false }),
  }
}

function revoked(registry: Registry, { site, atMs }: { site: string; atMs: number }): Registry {
  const known = registry.sites.get(site)
  const kits = [...registry.kits.values()].map((kit) =>
    kit.site === site ? { ...kit, expiresAtMs: Math.min(kit.expiresAtMs, atMs) } : kit,
  )
  return {
    kits: new Map(kits.map((kit) => [kit.kit, kit])),
    sites: known ? new Map(registry.sites).set(site, { ...known, revoked: true }) : registry.sites,
  }
}
