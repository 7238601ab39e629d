/** @file Tables as plain text. */
import { printable } from '@tessera/shared/printable'

/** Lines of a table: the first row is the head; columns of numbers are flushed right. A cell may hold any text. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const cells = rows.map((row) => row.map((cell) => printable(String(cell))))
  const columns = Math.max(0, ...cells.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, c) =>
    Math.max(0, ...cells.map((row) => row[c]?.length ?? 0)),
  )
  const isNumber = widths.map((_, c) => rows.slice(1).every((row) => typeof row[c] === 'number'))
  return cells.map((row) =>
    row
      .map((cell, c) => (isNumber[c] ? cell.padStart(widths[c] ?? 0) : cell.padEnd(widths[c] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
