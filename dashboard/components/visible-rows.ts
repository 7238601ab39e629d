/** @file Which rows of a long table are worth drawing. */

export interface Visible {
  /** First row that is drawn, and the first that is not any more. */
  readonly from: number
  readonly to: number
}

/** Rows beyond each edge: a flick of the wheel shows rows, not blanks. */
const BEYOND = 10

/** @param scrollTop How far the table is scrolled, and how much of it is seen, in pixels. */
export function visibleRows(
  count: number,
  rowHeight: number,
  { scrollTop, height }: { readonly scrollTop: number; readonly height: number },
): Visible {
  const first = Math.floor(scrollTop / rowHeight) - BEYOND
  const last = Math.ceil((scrollTop + height) / rowHeight) + BEYOND
  const from = Math.max(0, Math.min(first, count - 1))
  return { from, to: Math.max(from, Math.min(count, last)) }
}
