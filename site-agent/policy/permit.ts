/** @file Waiting for what passes: a pause, the hours, a person's yes. */
import type { Clock } from '@tessera/shared/clock'
import { asTesseraError, TesseraError } from '@tessera/shared/errors'
import { isPassing, type RoundStep } from './guard.ts'

/** Between two looks: what a person who typed `site resume` takes for at once. */
const LOOK_AGAIN_MS = 1000

export interface PermitOptions {
  /** Throws what stands against the step. */
  readonly ask: (step: RoundStep, round: number) => void
  readonly clock: Clock
  /** Told once for each new reason to wait. */
  readonly onWaiting: (round: number, reason: TesseraError) => void
}

/** Does a step of a round when the policy lets it be, and again from its start when the policy stopped it on the way. */
export type Permit = <T>(
  step: RoundStep,
  round: number,
  signal: AbortSignal,
  work: () => Promise<T>,
) => Promise<T>

/** Builds it. The permit throws what does not pass by itself, what the work throws, and ERR_INTERRUPTED. */
export function createPermit({ ask, clock, onWaiting }: PermitOptions): Permit {
  return async (step, round, signal, work) => {
    let told: string | null = null
    for (;;) {
      try {
        ask(step, round)
        return await work()
      } catch (thrown) {
        const reason = asTesseraError(thrown)
        if (!isPassing(reason.code)) throw thrown
        if (told !== reason.code) onWaiting(round, reason)
        told = reason.code
        await pauseFor(LOOK_AGAIN_MS, clock, signal)
      }
    }
  }
}

async function pauseFor(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.schedule(done, ms)
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
  if (signal.aborted) {
    throw new TesseraError('ERR_INTERRUPTED', 'round must wait for the policy, got a stop')
  }
}
