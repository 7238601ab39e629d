/** @file A signature that is good under a text that is not: what a site or a coordinator can do with its own key and another program. */
import type { SignedKind } from '@tessera/shared/protocol'
import type { KeyPair } from '@tessera/shared/security'
import { CompactSign } from 'jose'

/** Signs any text as a part of this kind. */
export function signText(kind: SignedKind, text: string, { privateKey }: KeyPair): Promise<string> {
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'EdDSA', typ: kind })
    .sign(privateKey)
}

/** Text of a token's payload. */
export function payloadText(token: string): string {
  return Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
}
