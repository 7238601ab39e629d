/** @file The operator's side of enrolment: a kit goes out, a site is shut out. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import { name } from '@tessera/shared/protocol'
import { createKit, type EnrolmentKit, formatKit, KIT_LIFETIME_MS } from '@tessera/shared/security'
import { loadCoordinator } from '../config.ts'
import { readEvents, submit } from '../store/index.ts'
import { readTlsPin } from '../tls/settings.ts'
import { EMPTY_REGISTRY, evolveRegistry } from './registry.ts'

/**
 * Writes a kit for `site`. The operator gives the file to the site on a way the consortium trusts; whoever has it can enrol as that site,
 * once. A kit issued later makes the earlier ones of its site void.
 * @param options.url Where the site finds the coordinator; default: as in coordinator.json.
 * @param options.autoApprove The site may take part as soon as it has used the kit: for simulations, and where the kit's way is trusted enough.
 * @param options.insecureHttp The agent may speak plain http to an address that is not its own machine.
 * @param options.file Where the kit goes; default: `kits/<site>.json` in the coordinator's folder.
 * @throws {TesseraError} ERR_CONFIG_INVALID, ERR_USAGE, ERR_STORE_WRITE
 */
export async function invite(options: {
  dir: string
  site: string
  url?: string | undefined
  file?: string | undefined
  lifetimeMs?: number | undefined
  autoApprove?: boolean | undefined
  insecureHttp?: boolean | undefined
  clock?: Clock | undefined
}): Promise<{ file: string; kit: EnrolmentKit }> {
  const { dir, site, lifetimeMs = KIT_LIFETIME_MS, clock = systemClock } = options
  assertName(site)
  const { config, key } = await loadCoordinator(dir)
  const atMs = clock.now()
  const pin = await readTlsPin(dir, config.tls)
  const kit = createKit({
    site,
    coordinatorUrl: options.url ?? config.url,
    coordinatorKey: key.publicKey,
    expiresAtMs: atMs + lifetimeMs,
    ...(pin === null ? {} : { tlsPin: pin }),
    ...(options.insecureHttp ? { insecureHttp: true } : {}),
  })
  const file = options.file ?? join(dir, 'kits', `${site}.json`)
  // The secret before the event: a kit that the log knows can always be used.
  await writeDurably(secretFile(dir, kit.kit), kit.secret)
  await submit(dir, {
    type: 'kit.issued',
    kit: kit.kit,
    site,
    expiresAtMs: kit.expiresAtMs,
    ...(options.autoApprove ? { autoApprove: true } : {}),
    atMs,
  })
  await writeDurably(file, formatKit(kit))
  return { file, kit }
}

/**
 * Shuts a site out: its sessions end, its open update does not count, its kits are void. A coordinator that runs does so within seconds.
 * @throws {TesseraError} ERR_SITE_UNKNOWN if neither the site nor a kit for it is known.
 */
export async function revoke(options: {
  dir: string
  site: string
  clock?: Clock | undefined
}): Promise<void> {
  const { dir, site, clock = systemClock } = options
  assertName(site)
  await loadCoordinator(dir)
  const registry = (await readEvents(dir)).reduce(evolveRegistry, EMPTY_REGISTRY)
  if (!registry.sites.has(site) && ![...registry.kits.values()].some((kit) => kit.site === site)) {
    throw new TesseraError('ERR_SITE_UNKNOWN', `site must be enrolled or invited, got ${site}`)
  }
  await submit(dir, { type: 'site.revoked', site, atMs: clock.now() })
}

/** The secret of an unused kit. @throws {TesseraError} ERR_KIT_UNKNOWN if it is gone. */
export async function readKitSecret(dir: string, kit: string): Promise<string> {
  return readFile(secretFile(dir, kit), 'utf8').catch((cause: unknown) => {
    throw new TesseraError('ERR_KIT_UNKNOWN', 'kit must have its secret in the store, got none', { cause })
  })
}

/** A kit that is used or taken back needs its secret no more. */
export async function forgetKitSecret(dir: string, kit: string): Promise<void> {
  await rm(secretFile(dir, kit), { force: true })
}

function secretFile(dir: string, kit: string): string {
  return join(dir, 'keys', 'kits', kit)
}

function assertName(site: string): void {
  if (name.safeParse(site).success) return
  throw new TesseraError('ERR_USAGE', 'site name must be 1 to 63 of a-z, 0-9, - and _, got another')
}
