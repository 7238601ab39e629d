/** @file Steppers that one site after the other uses: a recorded step is the same for all sites of a study, what differs is the state. */
import { type Clock, systemClock } from '@tessera/shared/clock'
import { createStepper, type NamedValues, type StepFunction, type Stepper } from '@tessera/shared/engine'

export interface StepperPool {
  /** A stepper with this state: a new one, or one that is free and whose step, of the same study, is recorded. */
  obtain(state: NamedValues, step: StepFunction): Stepper
  /** Spent in steps so far, recording them included. */
  stepMs(): number
  dispose(): void
}

/** Of one study and method: a pool must not be given two. */
export function createStepperPool(clock: Pick<Clock, 'elapsed'> = systemClock): StepperPool {
  let stepMs = 0
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedMs = clock.elapsed()
    try {
      return await work()
    } finally {
      stepMs += clock.elapsed() - startedMs
    }
  }
  const free: { shapes: string; stepper: Stepper }[] = []
  return {
    obtain(state, step) {
      const shapes = shapesOf(state)
      const at = free.findIndex((one) => one.shapes === shapes)
      const [found] = at < 0 ? [] : free.splice(at, 1)
      const stepper = found?.stepper ?? createStepper(state, step)
      const timedStepper: Stepper = { ...stepper, run: (feeds) => timed(() => stepper.run(feeds)) }
      return lent(timedStepper, found === undefined ? null : state, () => free.push({ shapes, stepper }))
    },
    stepMs: () => stepMs,
    dispose() {
      for (const { stepper } of free.splice(0)) stepper.dispose()
    },
  }
}

/** The stepper, with the state put in before anything else, and given back instead of disposed of. */
function lent(stepper: Stepper, state: NamedValues | null, giveBack: () => void): Stepper {
  let waiting = state
  let ready: Promise<void> = Promise.resolve()
  const begin = (): Promise<void> => {
    if (waiting !== null) {
      const values = new Map([...waiting].map(([name, { values }]) => [name, values as Float32Array]))
      waiting = null
      ready = stepper.write(values)
    }
    return ready
  }
  return {
    async run(feeds) {
      await begin()
      return stepper.run(feeds)
    },
    async read(names) {
      await begin()
      return stepper.read(names)
    },
    async write(values) {
      await begin()
      await stepper.write(values)
    },
    dispose: giveBack,
  }
}

const shapesOf = (state: NamedValues): string =>
  [...state].map(([name, { shape }]) => `${name} ${shape.join()}`).join(';')
