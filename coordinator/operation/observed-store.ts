/** @file The store under the eyes of an observer. */
import type { Clock } from '@tessera/shared/clock'
import type { StoredEvent } from '../events.ts'
import type { Store } from '../store/index.ts'
import { type Observer, observed } from './observer.ts'

/** Gives the same store; its appends are measured, and each event is told once it is safe. */
export function observedStore(store: Store, clock: Clock, observer: Observer): Store {
  return {
    ...store,
    // The spread would have read them once and for all.
    get events() {
      return store.events
    },
    async append(given) {
      const number = await observed(observer, clock, { work: 'append' }, () => store.append(given))
      for (const event of Array.isArray(given) ? (given as readonly StoredEvent[]) : [given as StoredEvent])
        observer.recorded(event)
      return number
    },
  }
}
