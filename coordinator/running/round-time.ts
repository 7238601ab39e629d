/**
 * @file The time that rounds are measured in: the date when a round opens, and from there the time that passes. Somebody who sets the
 * machine's clock by a day neither ends a round nor holds it open; the next round has the new date.
 */
import type { Clock } from '@tessera/shared/clock'
import { closesAtMs, type Round, type RoundPolicy } from '../rounds/index.ts'

/**
 * After a restart an open round waits at least this long: the longest pause of a site between two attempts to connect is half a minute
 * (site-agent/uplink/backoff.ts), and its first handshake may fail. That the coordinator was away is not the sites' silence.
 */
const RETURN_MS = 120_000

export interface RoundTime {
  /** Milliseconds since 1970, as the open round counts them; the date while none is open. */
  now(): number
  /** A round has opened. */
  begin(openedAtMs: number): void
  /** A round that an earlier process opened goes on. What is left of it is at most what it had, and at least {@link RETURN_MS} or a whole deadline. */
  goOn(policy: RoundPolicy, round: Round): void
  end(): void
}

export function createRoundTime(clock: Clock): RoundTime {
  let anchor: { atMs: number; elapsedMs: number } | null = null
  const begin = (atMs: number): void => {
    anchor = { atMs, elapsedMs: clock.elapsed() }
  }
  return {
    now: () => (anchor === null ? clock.now() : anchor.atMs + Math.round(clock.elapsed() - anchor.elapsedMs)),
    begin,
    goOn(policy, round) {
      const waitMs = Math.min(RETURN_MS, policy.deadlineMs, policy.graceMs ?? RETURN_MS)
      const latestMs = closesAtMs(policy, round) - waitMs
      begin(Math.min(Math.max(clock.now(), round.openedAtMs), Math.max(latestMs, round.openedAtMs)))
    },
    end() {
      anchor = null
    },
  }
}
