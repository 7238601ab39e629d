/** Values moved, or cleared. */

/**
 * Copies `rows` rows of `bytes` bytes, from where they lie `fromStride` bytes apart to where they lie `toStride` apart. Task t does
 * `part` rows; a lone row is cut into pieces of `part` bytes instead.
 */
export function copyRows(
  task: i32,
  lane: i32,
  part: i32,
  from: usize,
  to: usize,
  rows: i32,
  bytes: usize,
  fromStride: usize,
  toStride: usize,
): void {
  if (rows == 1) {
    const first = <usize>task * <usize>part
    memory.copy(to + first, from + first, min(<usize>part, bytes - first))
    return
  }
  const end = min(rows, (task + 1) * part)
  for (let r = task * part; r < end; r++) {
    memory.copy(to + <usize>r * toStride, from + <usize>r * fromStride, bytes)
  }
}

/** Fills with zeros. */
export function clear(to: usize, bytes: usize): void {
  memory.fill(to, 0, bytes)
}
