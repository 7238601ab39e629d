/**
 * @file A sorting network: which pairs of lines to put in order, one after the other, so that any values end up sorted.
 *
 * Source: Batcher's odd-even merge sort for any number of lines (Knuth, The Art of Computer Programming 3, 5.2.2, Algorithm M).
 */

/** Pairs (i, j), i < j, in order: the smaller value goes to i. 32 pairs for 10 lines, 403 for 50. */
export function sortingNetwork(lines: number): [number, number][] {
  const pairs: [number, number][] = []
  for (let p = 1; p < lines; p *= 2) {
    for (let k = p; k >= 1; k /= 2) {
      for (let j = k % p; j + k < lines; j += 2 * k) {
        for (let i = 0; i < Math.min(k, lines - j - k); i++) {
          const same = Math.floor((i + j) / (2 * p)) === Math.floor((i + j + k) / (2 * p))
          if (same) pairs.push([i + j, i + j + k])
        }
      }
    }
  }
  return pairs
}
