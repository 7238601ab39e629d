/** @file TLS as coordinator.json has it: which certificate, which clients, and what the kits say of it. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import { join, resolve } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { writeDurably } from '@tessera/shared/files'
import { createSecretFile, spkiPin } from '@tessera/shared/security'
import { z } from 'zod'
import { selfSigned } from './self-signed.ts'

const file = z.string().min(1).max(1000)
export const tlsSettings = z.strictObject({
  /** PEM file of the certificate; relative paths start at the coordinator's folder. */
  cert: file,
  /** PEM file of its private key. */
  key: file,
  /** Only clients whose certificate one of these authorities has signed may connect. */
  clientCa: file.optional(),
  /** Kits carry the pin of the certificate's key, and sites check that instead of an authority's signature. */
  pinned: z.boolean(),
})
export type TlsSettings = z.infer<typeof tlsSettings>

/** How a new coordinator is to get its TLS. */
export type TlsChoice =
  | { readonly self: true; readonly clientCa?: string | undefined }
  | {
      readonly cert: string
      readonly key: string
      readonly clientCa?: string | undefined
      readonly pinned?: boolean | undefined
    }

/** Makes or takes over a certificate. @throws {TesseraError} ERR_CONFIG_INVALID if files do not fit; ERR_KEY_FILE */
export async function prepareTls(
  dir: string,
  choice: TlsChoice,
  host: string,
  nowMs: number,
): Promise<TlsSettings> {
  const clientCa = choice.clientCa === undefined ? {} : { clientCa: resolve(choice.clientCa) }
  if (!('self' in choice)) {
    const { cert, key, pinned = false } = choice
    const settings = { cert: resolve(cert), key: resolve(key), ...clientCa, pinned }
    await readTls(dir, settings)
    return settings
  }
  const names = [...new Set([host.replaceAll(/^\[|\]$/g, ''), 'localhost', '127.0.0.1'])]
  const made = selfSigned(names, nowMs)
  const settings = { cert: join('keys', 'tls.crt'), key: join('keys', 'tls.key'), ...clientCa, pinned: true }
  // Of an init that was cut off: a coordinator whose sites know the key has settings, and is not made anew.
  await rm(join(dir, settings.key), { force: true })
  await createSecretFile(join(dir, settings.key), made.key)
  await writeDurably(join(dir, settings.cert), made.cert, 0o644)
  return settings
}

/** What the server needs. @throws {TesseraError} ERR_CONFIG_INVALID if a file is missing or does not fit. */
export async function readTls(dir: string, settings: TlsSettings): Promise<ServerOptions & { cert: Buffer }> {
  const read = (role: string, path: string): Promise<Buffer> =>
    readFile(resolve(dir, path)).catch((cause: NodeJS.ErrnoException) => {
      throw unfit(`${role} must be a file that can be read`, cause.code ?? 'an error', cause)
    })
  const cert = await read('TLS certificate', settings.cert)
  const key = await read('TLS key', settings.key)
  const clients = settings.clientCa === undefined ? null : await read('client authority', settings.clientCa)
  let belongs: boolean
  try {
    belongs = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
    if (clients !== null) spkiPin(clients)
  } catch {
    // Without its cause: it may quote what it read, and one of the files is a secret.
    throw unfit('TLS files must be PEM', 'another text')
  }
  if (!belongs) throw unfit('TLS key must belong to the certificate', 'another')
  return {
    cert,
    key,
    // 1.2 is what older inspecting proxies of hospitals speak; anything below is broken.
    minVersion: 'TLSv1.2',
    ...(clients === null ? {} : { ca: clients, requestCert: true, rejectUnauthorized: true }),
  }
}

/** The pin that a new kit carries, or null. @throws {TesseraError} ERR_CONFIG_INVALID */
export async function readTlsPin(dir: string, tls: TlsSettings | undefined): Promise<string | null> {
  if (!tls?.pinned) return null
  return spkiPin((await readTls(dir, tls)).cert)
}

function unfit(rule: string, got: string, cause?: unknown): TesseraError {
  return new TesseraError('ERR_CONFIG_INVALID', `${rule}, got ${got}`, { cause })
}
