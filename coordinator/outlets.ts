/**
 * @file Chunks of models on their way out. A connection has one in memory at a time and the next is read when it has left the process; over all
 * connections their number is bounded. A reader that reads slowly slows down itself, and takes no memory.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { TesseraError } from '@tessera/shared/errors'
import { WINDOW_CHUNKS } from '@tessera/shared/protocol'

/** 32 MiB. A reader that reads nothing keeps its place until its heartbeat is missed. */
const CHUNKS_GOING_OUT = 64

/** Reads what an answer needs when its turn has come. @throws {TesseraError} ERR_WINDOW_FULL */
export type Outlet = <T>(read: () => Promise<T>) => Promise<T>

/** Makes a connection's outlet. @param flushed Fulfilled when what was sent has left the process, or never will. */
export type Outlets = (flushed: () => Promise<void>) => Outlet

/** Builds the outlets of a coordinator. */
export function createOutlets(chunks: number = CHUNKS_GOING_OUT): Outlets {
  let free = chunks
  const waiting: (() => void)[] = []
  const enter = async (): Promise<void> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const leave = (): void => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
  return (flushed) => {
    let unanswered = 0
    let last: Promise<void> = Promise.resolve()
    return async (read) => {
      if (unanswered >= WINDOW_CHUNKS) {
        throw new TesseraError(
          'ERR_WINDOW_FULL',
          `site must have at most ${WINDOW_CHUNKS} chunks unanswered, got one more`,
        )
      }
      unanswered++
      const answer = last.then(enter).then(read)
      last = answer
        .catch(() => undefined)
        // The answer is written in the turn that read it.
        .then(() => nextTurn())
        .then(flushed)
        .then(leave)
      return answer.finally(() => {
        unanswered--
      })
    }
  }
}
