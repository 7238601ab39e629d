/** @file The trainers of a federation in this process: of all sites one trains at a time, and they lend each other their recorded steps. */
import type { TrainerFactory } from '@tessera/site-agent'
import { createTurns } from './turns.ts'

export interface Trainers {
  readonly create: TrainerFactory
  /** Spent in steps so far. */
  stepMs(): number
  dispose(): void
}

/** Somebody else's trainers, of whose steps nothing is known. */
export function untimed(create: TrainerFactory): Trainers {
  return { create, stepMs: () => 0, dispose: () => undefined }
}

/** Production's trainers, with steppers that they lend each other. Loaded late: who brings others needs no engine. */
export async function pooledTrainers(): Promise<Trainers> {
  const [{ startEngine }, { createTrainer }, { createStepperPool }] = await Promise.all([
    import('@tessera/shared/engine'),
    import('@tessera/site-agent/distill'),
    import('./stepper-pool.ts'),
  ])
  await startEngine()
  const pool = createStepperPool()
  return {
    ...pool,
    create: (options) =>
      createTrainer({ ...options, createStepper: (state, step) => pool.obtain(state, step) }),
  }
}

/** Trainers of `create`, of which one trains at a time: training has all cores, while others that have their turn fetch and deliver beside it. */
export function trainInTurn(create: TrainerFactory): TrainerFactory {
  const turn = createTurns(1)
  return async (options) => {
    const trainer = await create(options)
    return {
      state: () => trainer.state(),
      dispose: () => trainer.dispose(),
      trainRound: (round) =>
        turn(round.signal ?? new AbortController().signal, () => trainer.trainRound(round)),
    }
  }
}
