/**
 * @file How many chunks of deltas may be on their way in, over all sites and studies: what the coordinator's memory holds of them is bounded by this, not
 * by the number of sites.
 */
import type { Clock } from '@tessera/shared/clock'
import { CHUNK_BYTES, PROGRESS_TIMEOUT_MS, WINDOW_CHUNKS } from '@tessera/shared/protocol'

/** 32 MiB, beside three models of a run: enough for 8 sites with a full window, or 64 with a chunk each. */
const CHUNKS_COMING_IN = 64

/** Shares the room among the uploads that are coming in. */
export interface Room {
  /**
   * Gives how many chunks an upload may have unanswered from now on; 0: there is no room, ask again later. An upload keeps its place as long as
   * it asks within {@link PROGRESS_TIMEOUT_MS}.
   */
  grant(upload: string, totalBytes: number): number
  /** The upload has no more to send. */
  leave(upload: string): void
}

/** Builds it. A window shrinks when others come, with the next answer: for that moment twice the room may be in use, never more. */
export function createRoom(clock: Clock, chunks: number = CHUNKS_COMING_IN): Room {
  const inside = new Map<string, { weight: number; lastMs: number }>()
  const weighAll = (): number => [...inside.values()].reduce((sum, { weight }) => sum + weight, 0)
  return {
    grant(upload, totalBytes) {
      const nowMs = clock.now()
      for (const [id, { lastMs }] of inside) if (nowMs - lastMs >= PROGRESS_TIMEOUT_MS) inside.delete(id)
      // What is smaller than a chunk takes less room: a thousand small deltas need not queue.
      const weight = Math.min(1, totalBytes / CHUNK_BYTES)
      if (!inside.has(upload) && weighAll() + weight > chunks) return 0
      inside.set(upload, { weight, lastMs: nowMs })
      return Math.max(1, Math.min(WINDOW_CHUNKS, Math.floor(chunks / weighAll())))
    },
    leave: (upload) => void inside.delete(upload),
  }
}
