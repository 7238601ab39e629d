/** @file Whether the coordinator is ready for sites: for whoever decides where connections go, and when to start the next of its kind. */
import type { Clock } from '@tessera/shared/clock'

/** One word: it is read by machines, and by anyone who can reach the port. */
export type Standing = 'starting' | 'ready' | 'store' | 'stopping'

export interface Health {
  /** All studies are open. @param tryStore Rejects when the store takes nothing. */
  opened(tryStore: () => Promise<void>): void
  stopping(): void
  /** `store`: it does not take events, or not within {@link STORE_WITHIN_MS}. */
  standing(): Promise<Standing>
}

/** A store is tried once in that time, however often somebody asks: it costs a sync of the disk. */
const TRY_EVERY_MS = 5000
/** Health checks of proxies and schedulers give up after some seconds. */
const STORE_WITHIN_MS = 2000

/** Builds it, starting. */
export function createHealth(clock: Clock): Health {
  let stage: 'starting' | 'open' | 'stopping' = 'starting'
  let tryStore = async (): Promise<void> => undefined
  let last: { readonly atMs: number; readonly isWell: Promise<boolean> } | null = null

  const look = (): Promise<boolean> => {
    const well = tryStore().then(
      () => true,
      () => false,
    )
    let cancel = (): void => undefined
    const late = new Promise<boolean>((resolve) => {
      cancel = clock.schedule(() => resolve(false), STORE_WITHIN_MS)
    })
    return Promise.race([well, late]).finally(() => cancel())
  }
  return {
    opened(attempt) {
      tryStore = attempt
      if (stage === 'starting') stage = 'open'
    },
    stopping() {
      stage = 'stopping'
    },
    async standing() {
      if (stage !== 'open') return stage
      const nowMs = clock.elapsed()
      if (last === null || nowMs - last.atMs >= TRY_EVERY_MS) last = { atMs: nowMs, isWell: look() }
      return (await last.isWell) ? 'ready' : 'store'
    },
  }
}
