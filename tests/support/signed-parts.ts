/** @file Signed parts that fit their schemas, for tests that care about one field at a time. */
import type { Manifest, Offer } from '@tessera/shared/protocol'

export const HASH = (digit: string): string => digit.repeat(64)
export const NONCE = 'n'.repeat(22)

/** A manifest of site `north` in study `tiny`. */
export function aManifest(changes: Partial<Manifest> = {}): Manifest {
  return {
    study: 'tiny',
    site: 'north',
    round: 1,
    attempt: 1,
    base: HASH('a'),
    layoutHash: HASH('b'),
    encoding: 'f32',
    bytes: 4,
    payload: HASH('c'),
    samples: 10,
    metrics: { loss: 1, ce: 1, kl: null, nce: null, correct: 5, seen: 10, skippedTiles: 0, seconds: 1 },
    policyHash: HASH('d'),
    nonce: NONCE,
    issuedAtMs: 1,
    ...changes,
  }
}

/** An offer to site `north` in study `tiny`. */
export function anOffer(changes: Partial<Offer> = {}): Offer {
  return {
    study: 'tiny',
    site: 'north',
    round: 1,
    attempt: 1,
    base: HASH('a'),
    baseBytes: 4,
    layoutHash: HASH('b'),
    plan: HASH('d'),
    nonce: NONCE,
    issuedAtMs: 1,
    deadlineMs: 60_001,
    ...changes,
  }
}
