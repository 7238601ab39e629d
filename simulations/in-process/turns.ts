/** @file Turns of the agents of one process: who asked first goes first, and one trains at a time. */
import { TesseraError } from '@tessera/shared/errors'
import type { TrainerFactory, Turn } from '@tessera/site-agent'

/** @param most Turns at the same time. */
export function createTurns(most: number): Turn {
  let taken = 0
  const waiting: (() => void)[] = []
  const give = (): void => {
    const next = waiting.shift()
    if (next === undefined) taken--
    else next()
  }
  return async (signal, work) => {
    if (taken < most) taken++
    else
      await new Promise<void>((resolve, reject) => {
        const begin = (): void => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
        const onAbort = (): void => {
          waiting.splice(waiting.indexOf(begin), 1)
          reject(stopped())
        }
        if (signal.aborted) return reject(stopped())
        waiting.push(begin)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    try {
      return await work()
    } finally {
      give()
    }
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

function stopped(): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'site must wait for its turn, got a stop')
}
