/** @file Memory for batches, used again and again: a batch of 64 tiles of 224 px is 37 MiB that the system would otherwise clear each time. */

/** Tiles prepared before they are asked for, in batches. Two would do for a steady reader; the third covers an uneven one. */
export const LOOK_AHEAD = 3
/** A source's batches may take this much memory, unless one ahead and one in the reader's hands take more. */
const RING_BYTES = 512 * 1024 * 1024

/** How many batches of `bytes` may be ahead of the reader: 1 to {@link LOOK_AHEAD}. */
export function lookAhead(bytes: number): number {
  return Math.min(LOOK_AHEAD, Math.max(1, Math.floor(RING_BYTES / bytes) - 1))
}

export interface BatchRing {
  /** Shared memory for `length` floats, with anything in it. */
  take(length: number): Float32Array
  /** Gives memory back that nobody reads or writes any more. */
  giveBack(memory: Float32Array): void
}

/** Builds an empty ring. Kept by a source, so that the epochs of a round share it. */
export function createBatchRing(): BatchRing {
  let free: Float32Array[] = []
  return {
    take(length) {
      // Another size: the reader has another batch size now, and the old memory no use.
      free = free.filter((memory) => memory.length === length)
      return free.pop() ?? new Float32Array(new SharedArrayBuffer(length * 4))
    },
    giveBack(memory) {
      if (free.length <= LOOK_AHEAD) free.push(memory)
    },
  }
}
