/** @file A quantile of a sample. */

/**
 * The value that `share` of the sample lies below: straight lines between the sorted values, of which the first is share 0 and the last share 1
 * (Hyndman and Fan 1996, type 7; what numpy.quantile does). NaN of no values.
 * @param sorted Ascending.
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1)
  const low = sorted[Math.floor(place)] ?? Number.NaN
  const high = sorted[Math.ceil(place)] ?? Number.NaN
  return low + (high - low) * (place - Math.floor(place))
}
