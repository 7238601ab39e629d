/** @file How long to wait before the next attempt to connect. */
import type { Random } from '@tessera/shared/random'

/** The first wait: a coordinator that is restarted by its operator is back within a second or two. */
const FIRST_DELAY_MS = 500
/** The longest: a site is back half a minute after its network is, and 10,000 sites ask 300 times a second at most. */
const LONGEST_DELAY_MS = 30_000

/**
 * Delay before attempt `failures + 1`: min(30 s, 0.5 s · 2^(failures − 1)), times U(0.5, 1) so that sites cut off together do not come
 * back together (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: "equal jitter").
 * @param failures Attempts that failed in a row, 1 or more.
 */
export function backoffMs(failures: number, random: Random): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 30))
  return Math.round(ceiling * random.uniform(0.5, 1))
}
