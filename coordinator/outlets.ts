/**
 * @file Chunks of models and signed texts on their way out. A connection has one chunk in memory at a time and the next is read when it has left the
 * process; over all connections the number of frames is bounded. A reader that reads slowly slows down itself, and takes no memory.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { TesseraError } from '@tessera/shared/errors'
import { WINDOW_CHUNKS } from '@tessera/shared/protocol'

/** 32 MiB of chunks, at most 64 of signed texts. A reader that reads nothing keeps its place until its heartbeat is missed. */
const FRAMES_GOING_OUT = 64

export interface Outlet {
  /** Reads what an answer needs when its turn has come. @throws {TesseraError} ERR_WINDOW_FULL */
  answer<T>(read: () => Promise<T>): Promise<T>
  /** Sends when its turn has come, in the order of the calls: the frame of a record that goes to a thousand sites is made when it can leave. */
  say<T>(send: () => Promise<T>): Promise<T>
}

/** Makes a connection's outlet. @param flushed Fulfilled when what was sent has left the process, or never will. */
export type Outlets = (flushed: () => Promise<void>) => Outlet

/** Builds the outlets of a coordinator. */
export function createOutlets(frames: number = FRAMES_GOING_OUT): Outlets {
  let free = frames
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
    let lastRead: Promise<void> = Promise.resolve()
    let lastSaid: Promise<void> = Promise.resolve()
    /** What is sent in this turn has left the process, and its place with it. */
    const gone = (): Promise<void> => nextTurn().then(flushed).then(leave)
    return {
      async answer(read) {
        if (unanswered >= WINDOW_CHUNKS) {
          throw new TesseraError(
            'ERR_WINDOW_FULL',
            `site must have at most ${WINDOW_CHUNKS} chunks unanswered, got one more`,
          )
        }
        unanswered++
        const answer = lastRead.then(enter).then(read)
        // The answer is written in the turn that read it.
        lastRead = answer.catch(() => undefined).then(gone)
        return answer.finally(() => {
          unanswered--
        })
      },
      async say(send) {
        lastSaid = lastSaid.then(enter)
        await lastSaid
        // Whatever becomes of it, and long before it is answered.
        void gone()
        return send()
      },
    }
  }
}
