/** @file The border, in order: size, unpack, schema, signature, site state, replay, round and expiry, base, layout, encoding, declared bytes, samples. */
import type { Manifest } from '@tessera/shared/protocol'
import { readUnverified, verifyPayload } from '@tessera/shared/security'
import type { Border } from './border.ts'
import {
  checkBase,
  checkDeclaredBytes,
  checkEncoding,
  checkLayout,
  checkReplay,
  checkRound,
  checkSamples,
  checkSender,
  checkSiteState,
  knownSite,
} from './manifest-checks.ts'

/** What may have changed while the delta was coming in, and is checked again before it counts. */
const STANDING_CHECKS = [
  (border: Border, manifest: Manifest) => checkSiteState(border, manifest.site),
  checkReplay,
  checkRound,
  checkBase,
]
const DECLARED_CHECKS = [checkLayout, checkEncoding, checkDeclaredBytes, checkSamples]

/**
 * Gives the manifest of a token that may announce an update now. Only after this does a trusted value exist.
 * @throws {TesseraError} The code of the first check that fails.
 */
export async function admitManifest(token: string, border: Border): Promise<Manifest> {
  readUnverified('manifest', token) // size, unpack, schema
  const manifest = await verifyPayload('manifest', token, knownSite(border, border.site).publicKey)
  checkSender(border, manifest)
  for (const check of [...STANDING_CHECKS, ...DECLARED_CHECKS]) check(border, manifest)
  return manifest
}

/** Checks an admitted manifest again, at the moment its update is about to count. */
export function readmit(manifest: Manifest, border: Border): void {
  for (const check of STANDING_CHECKS) check(border, manifest)
}
