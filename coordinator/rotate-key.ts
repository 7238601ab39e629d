/** @file The coordinator's key is replaced: the old key signs the new one, and the sites follow at their next connection. */
import { rm } from 'node:fs/promises'
import { type Clock, systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import { type KeyChange, MAX_KEY_CHANGES } from '@tessera/shared/protocol'
import {
  fingerprint,
  generateKeyPair,
  savePrivateKey,
  sha256Hex,
  signKeyChange,
} from '@tessera/shared/security'
import { loadCoordinator } from './config.ts'
import type { StoredEvent } from './events.ts'
import { loadKeys, nextKeyFile, saveChange } from './keys.ts'
import { openStore } from './store/index.ts'
import { createdStudies, replayRounds } from './studies/index.ts'

/**
 * Replaces the key of a coordinator that does not run, and gives both fingerprints. The old private key is gone afterwards.
 * @throws {TesseraError} ERR_STORE_LOCKED while it runs; ERR_STUDY_INVALID if a study has no plan yet; ERR_KEY_FILE, ERR_STORE_WRITE.
 */
export async function rotateCoordinatorKey(options: {
  dir: string
  clock?: Clock | undefined
}): Promise<{ from: string; to: string }> {
  const { dir, clock = systemClock } = options
  await loadCoordinator(dir)
  // Its lock keeps a coordinator from starting with the old key meanwhile.
  const store = await openStore(dir)
  try {
    const { key, ring } = await loadKeys(dir)
    if (ring.changes.length === MAX_KEY_CHANGES) {
      throw new TesseraError(
        'ERR_KEY_FILE',
        `key must be changed at most ${MAX_KEY_CHANGES} times, got one more`,
      )
    }
    const heads = publishedHeads(store.events)
    // Of a change that a crash cut off before it counted.
    await rm(nextKeyFile(dir), { force: true })
    const next = await generateKeyPair()
    await savePrivateKey(nextKeyFile(dir), next)
    await saveChange(dir, ring, await signKeyChange(ring, key, next, heads, clock.now()))
    await loadKeys(dir)
    return { from: fingerprint(key.publicKey), to: fingerprint(next.publicKey) }
  } finally {
    await store.close()
  }
}

/** Each study's last published round, 0 before the first. */
function publishedHeads(events: readonly StoredEvent[]): KeyChange['heads'] {
  return createdStudies(events).map((created) => {
    const { study, plan } = created
    if (plan === undefined) {
      // Its plan would be signed anew with the new key, and its sites would take it for another study's.
      throw new TesseraError(
        'ERR_STUDY_INVALID',
        `study ${study.id} must have a plan before the key changes, got none: it was created by an older version`,
      )
    }
    const round = replayRounds(created, events).records.length
    return { study: study.id, plan: sha256Hex(plan), round }
  })
}
