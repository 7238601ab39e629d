/** @file Turns of the agents of one process: who asked first goes first. */
import { TesseraError } from '@tessera/shared/errors'
import type { Turn } from '@tessera/site-agent'

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

function stopped(): TesseraError {
  return new TesseraError('ERR_INTERRUPTED', 'site must wait for its turn, got a stop')
}
