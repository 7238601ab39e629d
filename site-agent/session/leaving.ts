/** @file A person's word that the site leaves a study, heard by the agent that takes part in it. */
import type { Clock } from '@tessera/shared/clock'
import { hasLeft } from '../policy/index.ts'

/** Between two looks: what a person who typed `site leave` takes for at once. */
const LOOK_AGAIN_MS = 1000

/** Calls `leave` once when the word is there. @returns Ends the look-out. */
export function onceLeft(dir: string, study: string, clock: Clock, leave: () => void): () => void {
  let cancel = (): void => undefined
  const look = (): void => {
    if (hasLeft(dir, study)) return leave()
    cancel = clock.schedule(look, LOOK_AGAIN_MS)
  }
  look()
  return () => cancel()
}
