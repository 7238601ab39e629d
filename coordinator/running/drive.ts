/** @file What drives a study on: the machine goes as far as it can, sleeps until the next time that matters, and one student is made at a time. */
import { type Clock, MAX_DELAY_MS } from '@tessera/shared/clock'
import { asTesseraError, ERROR_CODES, type TesseraError } from '@tessera/shared/errors'
import type { Log } from '@tessera/shared/log'
import { closesAtMs, type RoundsState } from '../rounds/index.ts'
import type { Queue } from './queue.ts'

/** A full disk or a busy volume: time for an operator or a quota to act, short against any round. */
const RETRY_MS = 30_000

export interface DriveOptions {
  readonly clock: Clock
  readonly log: Log
  readonly deciding: Queue
  readonly state: () => RoundsState
  /** The time that rounds are measured by. */
  readonly now: () => number
  /** Takes one step of the machine if there is one to take; gives how many events followed. Called within `deciding`. */
  readonly tick: () => Promise<number>
  /** Makes the closed round's student, and publishes it. */
  readonly publish: () => Promise<void>
  /** The study cannot go on. */
  readonly onFault: (error: TesseraError) => void
}

export interface Drive {
  /** Work that nobody waits for. What fails and may pass is tried again; anything else ends the study here and now. */
  readonly inBackground: (work: () => Promise<void>) => void
  /** Lets the machine go as far as it can: `first`, then open, close and publish until nothing follows. */
  readonly advance: (first?: () => Promise<void>) => Promise<void>
  /** Fulfilled when no student is being made any more, well or badly. */
  readonly published: () => Promise<void>
  /** Nothing begins any more; fulfilled when what is being made is done. */
  readonly stop: () => Promise<void>
}

/** Builds the drive of one study, at rest. */
export function createDrive({
  clock,
  log,
  deciding,
  state,
  now,
  tick,
  publish,
  onFault,
}: DriveOptions): Drive {
  let publishing: Promise<void> | null = null
  let stopped = false
  let cancelTimer = (): void => undefined

  const inBackground = (work: () => Promise<void>): void => {
    work().catch((thrown: unknown) => {
      if (stopped) return
      const error = asTesseraError(thrown)
      log.error('study.stalled', { code: error.code, reason: error.message, round: state().round })
      if (ERROR_CODES[error.code].retry) wake(RETRY_MS)
      else onFault(error)
    })
  }
  const wake = (delayMs: number): void => {
    cancelTimer()
    cancelTimer = clock.schedule(() => inBackground(advance), Math.min(Math.max(delayMs, 1), MAX_DELAY_MS))
  }
  const advance = async (first: () => Promise<void> = async () => undefined): Promise<void> => {
    await deciding(async () => {
      await first()
      for (;;) if (stopped || (await tick()) === 0) break
    })
    if (stopped) return
    const { phase, policy, current } = state()
    if (phase === 'collecting' && current) wake(closesAtMs(policy, current) - now())
    if (phase === 'closed' && publishing === null) {
      publishing = publish().finally(() => {
        publishing = null
      })
      await publishing
      await advance()
    }
  }
  const published = async (): Promise<void> => publishing?.catch(() => undefined)

  return {
    inBackground,
    advance,
    published,
    async stop() {
      stopped = true
      cancelTimer()
      await published()
    },
  }
}
