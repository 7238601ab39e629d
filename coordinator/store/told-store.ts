/** @file A store that tells somebody of every event: those that are in it, then each one once it is safe. */
import type { StoredEvent } from '../events.ts'
import type { Store } from './store.ts'

/** Gives the same store. @param tell Must not throw. */
export function toldStore(store: Store, tell: (event: StoredEvent) => void): Store {
  for (const event of store.events) tell(event)
  return {
    ...store,
    // A spread would have read them once and for all.
    get events() {
      return store.events
    },
    async append(given) {
      const number = await store.append(given)
      for (const event of 'type' in given ? [given] : given) tell(event)
      return number
    },
  }
}
