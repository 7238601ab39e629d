/** @file Rows of rounds in bounded memory: when there are too many, every second one is left out, and from then on only every second one is taken. */

/** Points of a curve that fills a wide screen. */
const MAX_ROWS = 1000
/** A site in a round: some 100 bytes, so 20 MB for a study of a thousand sites, of which 200 rounds are kept then. */
const MAX_CELLS = 200_000

export interface Thinned<Row extends { readonly round: number }> {
  /** Rounds between two rows. */
  readonly every: number
  /** By round; the newest that was added is always among them. */
  rows(): readonly Row[]
  newest(): Row | null
  /** Adds a later round than all before. @param cells Sites that it has. */
  add(row: Row, cells: number): void
}

/** Builds it, empty. */
export function createThinned<Row extends { readonly round: number }>(
  maxRows: number = MAX_ROWS,
  maxCells: number = MAX_CELLS,
): Thinned<Row> {
  let kept: { row: Row; cells: number }[] = []
  let newest: Row | null = null
  let cellsKept = 0
  let every = 1
  return {
    get every() {
      return every
    },
    rows() {
      const rows = kept.map(({ row }) => row)
      return newest === null || rows.at(-1) === newest ? rows : [...rows, newest]
    },
    newest: () => newest,
    add(row, cells) {
      newest = row
      if (row.round % every !== 0) return
      kept.push({ row, cells })
      cellsKept += cells
      while (kept.length > 1 && (kept.length > maxRows || cellsKept > maxCells)) {
        every *= 2
        kept = kept.filter((one) => one.row.round % every === 0)
        cellsKept = kept.reduce((sum, one) => sum + one.cells, 0)
      }
    },
  }
}
