/** @file A certificate's pin: it stays the same when a certificate is renewed for the same key. */
import { createHash, X509Certificate } from 'node:crypto'

/** base64url of the SHA-256 of the SubjectPublicKeyInfo (as RFC 7469 pins it, but for the alphabet). @param cert PEM or DER. */
export function spkiPin(cert: Uint8Array): string {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64url')
}
