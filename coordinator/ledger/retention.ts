/**
 * @file Which files of published rounds are still wanted. Two rounds, or two studies, may have files of the same bytes and so of the same name: one
 * goes with the last that wants it. Of each round are wanted
 *
 * - its deltas, while its student is to be computed again;
 * - the state that its strategy left, while the next round's student is.
 */
import { readUnverified } from '@tessera/shared/security'
import type { StoredEvent } from '../events.ts'

/** Files by their SHA-256. */
export interface Unwanted {
  /** Deltas. */
  readonly updates: readonly string[]
  /** Of strategies, beside the models. */
  readonly states: readonly string[]
}

export interface Retention {
  /** Takes in the next event of the log; those of identities and studies may be left out. */
  note(event: StoredEvent): void
  /** Rounds of a study that are published. */
  published(study: string): number
  /** Lets go of a study's rounds up to this one, and gives what nothing wants any more. */
  release(study: string, through: number): Unwanted
}

interface Kept {
  /** Deltas that were accepted since the last publication. */
  open: string[]
  published: number
  /** By round. */
  readonly updates: Map<number, readonly string[]>
  readonly states: Map<number, readonly string[]>
}

/** Builds it, without a round. Memory holds the hashes of what was not let go of. */
export function createRetention(): Retention {
  const studies = new Map<string, Kept>()
  const [updates, states] = [createCounts(), createCounts()]
  const of = (study: string): Kept => {
    const kept = studies.get(study) ?? { open: [], published: 0, updates: new Map(), states: new Map() }
    studies.set(study, kept)
    return kept
  }
  return {
    note(event) {
      if (event.type === 'update.accepted') {
        of(event.study).open.push(event.payload)
        updates.add(event.payload)
      } else if (event.type === 'round.published') {
        const kept = of(event.study)
        const { serverState } = readUnverified('published', event.record)
        kept.published = event.round
        // Also those that did not count, of sites that were revoked: nothing asks for them either.
        kept.updates.set(event.round, kept.open)
        kept.open = []
        kept.states.set(event.round, serverState)
        for (const state of serverState) states.add(state)
      }
    },
    published: (study) => of(study).published,
    release(study, through) {
      const kept = of(study)
      const old = (rounds: Map<number, readonly string[]>, last: number): string[] =>
        [...rounds].flatMap(([round, files]) => {
          if (round > last) return []
          rounds.delete(round)
          return files
        })
      return {
        updates: old(kept.updates, through).filter((file) => updates.remove(file)),
        states: old(kept.states, through - 1).filter((file) => states.remove(file)),
      }
    },
  }
}

/** How many want each file. */
function createCounts(): { add(file: string): void; remove(file: string): boolean } {
  const counts = new Map<string, number>()
  return {
    add: (file) => void counts.set(file, (counts.get(file) ?? 0) + 1),
    /** True when that was the last one. */
    remove(file) {
      const left = (counts.get(file) ?? 1) - 1
      if (left > 0) counts.set(file, left)
      else counts.delete(file)
      return left === 0
    },
  }
}
