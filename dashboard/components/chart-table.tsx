/** @file A chart's numbers, all of them, for those who do not see the chart or want to copy them. */
import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import type { Curve } from './chart-options.ts'
import { numberColumn } from './columns.ts'
import { type Column, DataTable } from './data-table.tsx'
import { formatCount } from './format.ts'

export interface ChartTableProps {
  readonly label: string
  readonly xLabel: string
  readonly xs: readonly number[]
  readonly curves: readonly Curve[]
  readonly format: (value: number | null) => string
}

export function ChartTable({ label, xLabel, xs, curves, format }: ChartTableProps): JSX.Element {
  const rows = useMemo(() => xs.map((_, i) => i).toReversed(), [xs])
  const columns = useMemo(
    (): Column<number>[] => [
      { key: 'x', header: xLabel, width: 90, sort: (i) => i, cell: (i) => formatCount(xs[i] ?? null) },
      ...curves.map(({ name, values }) =>
        numberColumn<number>(name, name, 120, (i) => values[i] ?? null, format),
      ),
    ],
    [xs, curves, xLabel],
  )
  return <DataTable label={label} columns={columns} rows={rows} rowKey={String} empty={null} />
}
