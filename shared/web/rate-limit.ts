/** @file How often somebody may ask: for each a bucket that holds a burst and fills again by the minute. */
import type { Clock } from '../clock.ts'
import { TesseraError } from '../errors.ts'

/** A bucket takes some 100 bytes; whoever asks from more addresses than that empties full ones out again. */
const MAX_BUCKETS = 10_000

/** Takes a place in the bucket of `key`. @throws {TesseraError} ERR_RATE_LIMIT */
export type RateLimit = (key: string) => void

/** Builds it. @param burst Places in a bucket. @param perMinute Places that it gains. */
export function createRateLimit(
  clock: Clock,
  { burst, perMinute }: { burst: number; perMinute: number },
): RateLimit {
  const buckets = new Map<string, { free: number; filledMs: number }>()
  return (key) => {
    const nowMs = clock.elapsed()
    const { free, filledMs } = buckets.get(key) ?? { free: burst, filledMs: nowMs }
    const now = Math.min(burst, free + ((nowMs - filledMs) / 60_000) * perMinute)
    // Last again: the first is the one that was used longest ago.
    buckets.delete(key)
    buckets.set(key, { free: Math.max(0, now - 1), filledMs: nowMs })
    const [oldest] = buckets.keys()
    if (buckets.size > MAX_BUCKETS && oldest !== undefined) buckets.delete(oldest)
    if (now >= 1) return
    throw new TesseraError(
      'ERR_RATE_LIMIT',
      `requests must be at most ${burst} at once and ${perMinute} a minute after that, got more`,
    )
  }
}
