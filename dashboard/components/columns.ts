/** @file A column of the kind that many tables have. */
import type { ComponentChildren } from 'preact'
import type { Column } from './data-table.tsx'

/** Numbers, sorted as numbers. @param format Of null it gives what stands for nothing. */
export function numberColumn<Row>(
  key: string,
  header: string,
  width: number,
  of: (row: Row) => number | null,
  format: (value: number | null) => ComponentChildren,
): Column<Row> {
  return { key, header, width, number: true, sort: of, cell: (row) => format(of(row)) }
}
