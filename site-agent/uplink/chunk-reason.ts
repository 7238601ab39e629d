/** @file The audit log's reason for a chunk of a delta, and back: from where to where its bytes are, so that a reader can name their tensors. */

/** `bytes 0 to 262144 of the delta of round 3`. */
export function chunkReason(start: number, end: number, round: number): string {
  return `bytes ${start} to ${end} of the delta of round ${round}`
}

/** First byte, and the one after the last; null for another reason. */
export function readChunkReason(why: string): { readonly start: number; readonly end: number } | null {
  const found = /^bytes (\d+) to (\d+) of the delta of round \d+$/.exec(why)
  return found && { start: Number(found[1]), end: Number(found[2]) }
}
