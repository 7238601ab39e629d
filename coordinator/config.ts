/** @file The coordinator's own settings, `coordinator.json`, and its key. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import {
  fingerprint,
  generateKeyPair,
  type KeyPair,
  loadPrivateKey,
  savePrivateKey,
} from '@tessera/shared/security'
import { z } from 'zod'
import { postgresUrl } from './store/postgres-url.ts'

const config = z.strictObject({
  version: z.literal(1),
  /** Address that sites use; it stands in the kits. Behind a proxy it is the proxy's. */
  url: z.url({ protocol: /^https?$/ }),
  /** Address to listen on. 127.0.0.1: TLS and the outer port are a proxy's job. */
  host: z.string().min(1).max(255),
  /** 0 lets the system choose. */
  port: z.int().min(0).max(65_535),
  /**
   * A site is asked for a sign of life this often, and has as long to give it: one that died is noticed within twice this. 5 s: on a bad line
   * answers take 2 or 3 s. A site whose thread is held by a training step for longer loses its connection and nothing else: it joins again.
   * Below 100 ms a busy machine would lose its own connections; above a minute proxies cut idle ones.
   */
  heartbeatMs: z.int().min(100).max(60_000).default(5000),
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
  store?: string | undefined
}): Promise<{ publicKey: string; fingerprint: string; config: CoordinatorConfig }> {
  const { dir, host = '127.0.0.1', port = DEFAULT_PORT } = options
  const settings = checked({
    version: 1,
    url: options.url ?? `http://${host}:${port}`,
    host,
    port,
    store: options.store,
  })
  if (await hasCoordinator(dir)) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      'coordinator folder must be new, got one that has a coordinator',
    )
  }
  const pair = await generateKeyPair()
  await savePrivateKey(keyFile(dir), pair)
  // Last: a folder with settings is one whose key is safe.
  await writeDurably(configFile(dir), `${JSON.stringify(settings, null, 2)}\n`)
  return { publicKey: pair.publicKey, fingerprint: fingerprint(pair.publicKey), config: settings }
}

/** @throws {TesseraError} ERR_CONFIG_INVALID if the folder has no coordinator; ERR_KEY_FILE */
export async function loadCoordinator(dir: string): Promise<{ config: CoordinatorConfig; key: KeyPair }> {
  const text = await readFile(configFile(dir), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      `coordinator folder must hold coordinator.json, got ${cause.code}: run tessera coordinator init first`,
      { cause },
    )
  })
  return { config: checked(parseJson(text)), key: await loadPrivateKey(keyFile(dir)) }
}

/** Where a coordinator's events are kept. */
export interface StorePlace {
  /** Connection string; null for `events.db` in the folder. */
  readonly postgres: string | null
  /** Whose events they are: the fingerprint of the coordinator's key. Empty for a folder that has no coordinator. */
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
  const { config, key } = await loadCoordinator(dir)
  const given = environment.TESSERA_STORE || undefined
  const postgres = given === undefined ? config.store : checked({ ...config, store: given }).store
  return { postgres: postgres ?? null, coordinator: fingerprint(key.publicKey) }
}

async function hasCoordinator(dir: string): Promise<boolean> {
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

function keyFile(dir: string): string {
  return join(dir, 'keys', 'coordinator.jwk')
}
