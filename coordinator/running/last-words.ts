/**
 * @file When a finished study is over: once the sites of its last round have judged its last student, or were silent for as long as the study lets a
 * site be. Published it is already; what is waited for is only that there is somebody to say it to.
 */
import { type Clock, MAX_DELAY_MS } from '@tessera/shared/clock'
import type { RoundsState } from '../rounds/index.ts'

export interface LastWords {
  /** Ends the study, now or when all is said. Once; later calls change nothing. */
  await(): void
  /** A site has spoken, or is shut out. */
  look(): void
  /** The coordinator stops: nothing ends any more. */
  stop(): void
}

/** @param isRevoked Such a site is not waited for. @param onEnd Called once. */
export function createLastWords(
  clock: Clock,
  state: () => RoundsState,
  isRevoked: (site: string) => boolean,
  onEnd: () => void,
): LastWords {
  let cancel: (() => void) | null = null
  let ended = false
  const end = (): void => {
    cancel?.()
    if (!ended) onEnd()
    ended = true
  }
  const look = (): void => {
    if (cancel === null) return
    const silent = silentSites(state()).filter((site) => !isRevoked(site))
    if (silent.length === 0) end()
  }
  return {
    await() {
      if (cancel !== null || ended) return
      cancel = clock.schedule(end, waitMs(state(), clock.now()))
      look()
    },
    look,
    stop() {
      cancel?.()
      ended = true
    },
  }
}

/** Sites of the last round that have not said how its student does. */
function silentSites({ judging, history }: RoundsState): string[] {
  const open = judging?.open
  if (!open) return []
  return (history.at(-1)?.end?.contributors ?? []).filter((site) => !open.judgements.has(site))
}

/** What is left of the study's deadline since the last round was closed; a clock that was set back does not make it longer. */
function waitMs({ history, policy }: RoundsState, nowMs: number): number {
  const sinceMs = Math.max(0, nowMs - (history.at(-1)?.end?.closedAtMs ?? 0))
  return Math.min(Math.max(0, policy.deadlineMs - sinceMs), MAX_DELAY_MS)
}
