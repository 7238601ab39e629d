/** @file Whom this site believes: the coordinator's key that was pinned at enrolment, and the keys that follow from it by signatures. */
import { TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { fingerprint, openKeyRing, type SignedKeyChange } from '@tessera/shared/security'
import type { Ask } from '../uplink/connection.ts'

export interface CoordinatorKeys {
  /** The key that signs now. */
  readonly current: () => string
  /** The key that must have signed a round's record. */
  readonly keyOf: (study: string, round: number) => string
  /** The key that must have signed the plan of this SHA-256. */
  readonly keyOfPlan: (plan: string) => string
  /** All changes that this site has followed. */
  readonly changes: () => readonly SignedKeyChange[]
  /**
   * Asks whether the key has changed and follows, after keeping the changes on the disk.
   * @throws {TesseraError} ERR_COORDINATOR_KEY if what comes does not follow from the pin, or forgets a change that was seen.
   */
  follow(ask: Ask, log: Log): Promise<void>
}

/** Opens them. @param save Keeps changes; returns when they are on the disk. */
export async function openCoordinatorKeys(
  pinned: { readonly coordinatorKey: string; readonly keyChanges?: readonly SignedKeyChange[] | undefined },
  save: (changes: { keyChanges: SignedKeyChange[] }) => Promise<void>,
): Promise<CoordinatorKeys> {
  let ring = await openKeyRing(pinned.coordinatorKey, pinned.keyChanges ?? [])
  return {
    current: () => ring.current,
    keyOf: (study, round) => ring.keyOf(study, round),
    keyOfPlan: (plan) => ring.keyOfPlan(plan),
    changes: () => ring.changes,
    async follow(ask, log) {
      const changes = [...ring.changes]
      for (;;) {
        const { count, change, acceptance } = await ask('key:fetch', { number: changes.length + 1 })
        if (count < changes.length) {
          const got = `${count}: it may have been restored from an old backup`
          throw new TesseraError(
            'ERR_COORDINATOR_KEY',
            `coordinator must know the ${changes.length} changes of its key, got ${got}`,
          )
        }
        if (count === changes.length) break
        changes.push({ change, acceptance })
      }
      if (changes.length === ring.changes.length) return
      const next = await openKeyRing(pinned.coordinatorKey, changes)
      await save({ keyChanges: changes })
      const [was, is] = [fingerprint(ring.current), fingerprint(next.current)]
      ring = next
      if (was === is) return
      const reason = `the coordinator has replaced its key, signed with the old one: it was ${was}, it is ${is}`
      log.warn('coordinator.key-changed', { fingerprint: is, reason })
    },
  }
}
