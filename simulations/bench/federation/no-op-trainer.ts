/** @file A trainer that trains nothing, and that a referee can hold: what is left of a round is what the federation costs. */
import type { Weights } from '@tessera/shared/model'
import type { TrainerFactory } from '@tessera/site-agent'

/** Rounds that may be trained, for all agents of a process. */
export interface Hold {
  /** Lets rounds up to `round` through. */
  release(round: number): void
  /** Resolves when `round` may be trained. @throws What `signal` says, when it says stop. */
  pass(round: number, signal?: AbortSignal): Promise<void>
}

export function createHold(): Hold {
  let released = 0
  const waiting = new Set<() => void>()
  return {
    release(round) {
      released = Math.max(released, round)
      for (const look of waiting) look()
    },
    pass(round, signal) {
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          waiting.delete(look)
          signal?.removeEventListener('abort', onAbort)
        }
        const look = (): void => {
          if (round > released) return
          leave()
          resolve()
        }
        const onAbort = (): void => {
          leave()
          reject(signal?.reason as Error)
        }
        waiting.add(look)
        signal?.addEventListener('abort', onAbort)
        if (signal?.aborted) onAbort()
        else look()
      })
    },
  }
}

/** How far a value moves in a round: well above what float32 rounds away, and every site's norm about the same, as a norm bound wants it. */
const STEP = 1e-3

/**
 * Builds trainers that move every value of a student by a step of their site. No two sites move alike: a delta that the coordinator has already would
 * not have to be sent.
 * @param index Of the site, from 0.
 * @param onReached Told when a round has come so far that its training would begin.
 */
export function noOpTrainer(hold: Hold, index: number, onReached: (round: number) => void): TrainerFactory {
  const step = STEP * (1 + index / 2000)
  // Kept from round to round: what is timed is the federation, not how this process gets memory.
  const after = new Map<string, Float32Array>()
  return ({ study, site, tiles }) => ({
    async trainRound({ round, student, signal }) {
      onReached(round)
      await hold.pass(round, signal)
      const metrics = { loss: 1, ce: 1, kl: null, nce: null, correct: 0, seen: tiles.count, skippedTiles: 0 }
      move(student, step, after)
      return { student: after, samples: tiles.count, metrics }
    },
    state: async () => ({ version: 1, study: study.id, site, tensors: new Map(), counters: {} }),
    dispose() {},
  })
}

function move(student: Weights, step: number, after: Map<string, Float32Array>): void {
  for (const [name, values] of student) {
    const own = after.get(name) ?? new Float32Array(values.length)
    after.set(name, own)
    // A loop, four values a turn as in shared/delta: done otherwise, this and not the federation would be what is timed.
    const whole = own.length - (own.length % 4)
    for (let i = 0; i < whole; i += 4) {
      own[i] = (values[i] as number) + step
      own[i + 1] = (values[i + 1] as number) + step
      own[i + 2] = (values[i + 2] as number) + step
      own[i + 3] = (values[i + 3] as number) + step
    }
    for (let i = whole; i < own.length; i++) own[i] = (values[i] as number) + step
  }
}
