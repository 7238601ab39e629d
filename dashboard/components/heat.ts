/** @file A share as one of the eleven grounds of data.css. */

/** @param share From 0 to 1; only nothing at all is the first ground, only all of it the last. */
export function heatClass(share: number): string {
  if (Number.isNaN(share) || share <= 0) return 'heat-0'
  return `heat-${share >= 1 ? 10 : 1 + Math.floor(share * 9)}`
}
