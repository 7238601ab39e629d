/** @file The coordinator's own settings, `coordinator.json`, and its key. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import { fingerprint, generateKeyPair, savePrivateKey } from '@tessera/shared/security'
import { z } from 'zod'
import { type CoordinatorKeys, keyFile, loadKeys } from './keys.ts'
import { postgresUrl } from './store/postgres-url.ts'
import { prepareTls, readTlsPin, type TlsChoice, tlsSettings } from './tls/settings.ts'

/** 24 characters of base64 are 144 bits: not to be guessed, however often somebody tries. */
const metricsToken = z.string().regex(/^[\x21-\x7e]{24,512}$/)

const text = z.string().min(1).max(255)
/** A provider of OpenID Connect, and what its accounts may do. */
const oidc = z.strictObject({
  /** Address of the provider, as it stands in its tokens. */
  issuer: z.url({ protocol: /^https?$/ }),
  /** What the provider calls this coordinator. */
  clientId: text,
  /** Claim of the ID token that holds an account's roles or groups, one or a list. */
  roleClaim: text.default('roles'),
  /** Which of its values are what here. */
  roles: z.strictObject({
    /** Values of those who may see and do everything. */
    operator: z.array(text).max(64).default([]),
    /** Values of those who may see everything and change nothing. */
    viewer: z.array(text).max(64).default([]),
  }),
  /** Claim that names a person in the log. */
  nameClaim: text.default('email'),
})
export type OidcSettings = z.infer<typeof oidc>

export const config = z.strictObject({
  /** Of this file's form. */
  version: z.literal(1),
  /** Address that sites use; it stands in the kits. Behind a proxy it is the proxy's. */
  url: z.url({ protocol: /^https?$/ }),
  /** Address to listen on. */
  host: z.string().min(1).max(255),
  /** 0 lets the system choose. */
  port: z.int().min(0).max(65_535),
  /**
   * A site is asked for a sign of life this often, and has as long to give it: one that died is noticed within twice this. 5 s: on a bad line
   * answers take 2 or 3 s. A site whose thread is held by a training step for longer loses its connection and nothing else: it joins again.
   * Below 100 ms a busy machine would lose its own connections; above a minute proxies cut idle ones.
   */
  heartbeatMs: z.int().min(100).max(60_000).default(5000),
  /** Absent: plain http, for this machine only or behind a proxy. */
  tls: tlsSettings.optional(),
  /** A reverse proxy in front ends TLS. What it says of clients (X-Forwarded-For) is written in the log, counts their sessions, and is believed in nothing else. */
  proxy: z.literal(true).optional(),
  /** Most sessions at once. Absent: 256, and 2 for each site in each study. At a million, a machine's memory and descriptors end. */
  maxSessions: z.int().min(1).max(1_000_000).optional(),
  /** Most of one address, but loopback; behind a proxy, of one that the proxy names. Absent: 64. */
  maxSessionsPerAddress: z.int().min(1).max(1_000_000).optional(),
  /**
   * How many of its latest rounds each study keeps the deltas of. Absent: of all, since only they prove that a student follows from what the sites
   * have signed; whether a full disk is worth that proof is for the operator to say.
   */
  keepRounds: z.int().min(1).max(10_000).optional(),
  /** Who has it may read `/metrics` from anywhere, as `Authorization: Bearer`. Absent: only this machine may. TESSERA_METRICS_TOKEN goes before it. */
  metricsToken: metricsToken.optional(),
  /** The page for people under `/dashboard/`. Absent: it answers under the host name of `url`, and people sign in by links only. */
  dashboard: z
    .strictObject({
      /** Host names, without port, under which people reach the dashboard beside that of `url`: under any other it answers nothing. */
      names: z.array(text).max(32).default([]),
      /** Signing in with accounts of the consortium, beside links. The client's secret, if it has one, is in TESSERA_OIDC_SECRET. */
      oidc: oidc.optional(),
    })
    .optional(),
  /** PostgreSQL database for the events; by default they are in `events.db` in this folder. TESSERA_STORE goes before it. */
  store: postgresUrl.optional(),
})
export type CoordinatorConfig = z.infer<typeof config>

/** No meaning, only unlikely to be taken: not among the registered ports of IANA. */
export const DEFAULT_PORT = 7433

/**
 * Makes a coordinator's folder: settings and a new key pair.
 * @throws {TesseraError} ERR_CONFIG_INVALID if the folder has one or a setting is wrong.
 */
export async function initCoordinator(options: {
  dir: string
  url?: string | undefined
  host?: string | undefined
  port?: number | undefined
  tls?: TlsChoice | undefined
  behindProxy?: boolean | undefined
  store?: string | undefined
  clock?: Clock | undefined
}): Promise<{
  publicKey: string
  fingerprint: string
  tlsPin: string | null
  config: CoordinatorConfig
}> {
  const { dir, host = '127.0.0.1', port = DEFAULT_PORT, behindProxy = false, clock = systemClock } = options
  const url = options.url ?? `${options.tls ? 'https' : 'http'}://${host}:${port}`
  const proxy = behindProxy ? { proxy: true } : {}
  const plain = checked({ version: 1, url, host, port, ...proxy, store: options.store })
  assertReachable(plain, options.tls !== undefined)
  if (await hasCoordinator(dir)) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      'coordinator folder must be new, got one that has a coordinator',
    )
  }
  const tls = options.tls && (await prepareTls(dir, options.tls, new URL(url).hostname, clock.now()))
  const pair = await generateKeyPair()
  await savePrivateKey(keyFile(dir), pair)
  const settings = await writeSettings(dir, { ...plain, ...(tls && { tls }) })
  return {
    publicKey: pair.publicKey,
    fingerprint: fingerprint(pair.publicKey),
    tlsPin: await readTlsPin(dir, tls),
    config: settings,
  }
}

/** @throws {TesseraError} ERR_CONFIG_INVALID if the folder has no coordinator; ERR_KEY_FILE */
export async function loadCoordinator(dir: string): Promise<CoordinatorKeys & { config: CoordinatorConfig }> {
  const text = await readFile(configFile(dir), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `coordinator folder must hold coordinator.json, got ${cause.code}: run tessera coordinator init first`,
      { cause },
    )
  })
  return { config: parseSettings(text), ...(await loadKeys(dir)) }
}

/** @throws {TesseraError} ERR_CONFIG_INVALID */
export function parseSettings(text: string): CoordinatorConfig {
  return checked(parseJson(text))
}

/** Checks settings and writes them: a folder that has them is one whose key is safe. @throws {TesseraError} ERR_CONFIG_INVALID, ERR_STORE_WRITE */
export async function writeSettings(dir: string, settings: CoordinatorConfig): Promise<CoordinatorConfig> {
  const config = checked(settings)
  assertReachable(config, config.tls !== undefined)
  await writeDurably(configFile(dir), `${JSON.stringify(config, null, 2)}\n`)
  return config
}

/** What the sites would refuse is better said when the coordinator is made. */
function assertReachable({ url, proxy }: CoordinatorConfig, hasTls: boolean): void {
  const { protocol } = new URL(url)
  if (proxy && hasTls) throw contradiction('TLS must end at the proxy or here', 'both')
  if (proxy && protocol !== 'https:') throw contradiction('url behind a proxy must be https', 'http')
  if (hasTls && protocol !== 'https:') throw contradiction('url with TLS must be https', 'http')
}

function contradiction(rule: string, got: string): TesseraError {
  return new TesseraError('ERR_CONFIG_INVALID', `${rule}, got ${got}`)
}

/** Where a coordinator's events are kept. */
export interface StorePlace {
  /** Connection string; null for `events.db` in the folder. */
  readonly postgres: string | null
  /** Whose events they are: the fingerprint of the coordinator's first key, which stays when the key is replaced. Empty for a folder that has no coordinator. */
  readonly coordinator: string
}

/**
 * Reads where the coordinator in `dir` keeps its events.
 * @param environment `TESSERA_STORE` is a connection string that goes before the setting: so a password need not be in a file.
 * @throws {TesseraError} ERR_CONFIG_INVALID, ERR_KEY_FILE
 */
export async function storePlace(
  dir: string,
  environment: { readonly TESSERA_STORE?: string | undefined } = process.env,
): Promise<StorePlace> {
  if (!(await hasCoordinator(dir))) return { postgres: null, coordinator: '' }
  const { config, ring } = await loadCoordinator(dir)
  const given = environment.TESSERA_STORE || undefined
  const postgres = given === undefined ? config.store : checked({ ...config, store: given }).store
  return { postgres: postgres ?? null, coordinator: fingerprint(ring.keys[0] ?? ring.current) }
}

/**
 * The token that lets others than this machine read metrics.
 * @throws {TesseraError} ERR_CONFIG_INVALID
 */
export function metricsTokenOf(
  config: CoordinatorConfig,
  environment: { readonly TESSERA_METRICS_TOKEN?: string | undefined } = process.env,
): string | undefined {
  const given = environment.TESSERA_METRICS_TOKEN || undefined
  return given === undefined ? config.metricsToken : checked({ ...config, metricsToken: given }).metricsToken
}

/** Whether the folder has a coordinator's settings. */
export async function hasCoordinator(dir: string): Promise<boolean> {
  return (await readFile(configFile(dir)).catch(() => null)) !== null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TesseraError('ERR_CONFIG_INVALID', 'coordinator.json must be JSON, got another text', { cause })
  }
}

function checked(value: unknown): CoordinatorConfig {
  const result = config.safeParse(value)
  if (result.success) return result.data
  const [fault] = result.error.issues
  throw new TesseraError(
    'ERR_CONFIG_INVALID',
    `setting ${fault?.path.join('.') || 'of the coordinator'} must fit, got: ${fault?.message}`,
  )
}

function configFile(dir: string): string {
  return join(dir, 'coordinator.json')
}
