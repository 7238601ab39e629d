/** @file What a student does with each class, and how sure that is. */
import type { ClassRow, Estimate } from '@tessera/shared/dashboard/coordinator-api'
import type { JSX } from 'preact'
import { numberColumn } from '../components/columns.ts'
import { type Column, DataTable } from '../components/data-table.tsx'
import { formatCount, formatScore, NOTHING } from '../components/format.ts'
import { text } from '../text/en.ts'

export function ClassTable({ rows }: { readonly rows: readonly ClassRow[] }): JSX.Element {
  return (
    <DataTable
      label={text.results.classes}
      columns={COLUMNS}
      rows={rows}
      rowKey={({ name }) => name}
      empty={null}
    />
  )
}

const texts = text.results.columns
const COLUMNS: readonly Column<ClassRow>[] = [
  { key: 'name', header: texts.name, sort: ({ name }) => name, cell: ({ name }) => name },
  numberColumn('support', texts.support, 90, ({ support }) => support, formatCount),
  estimateColumn('recall', texts.recall, ({ recall }) => recall),
  estimateColumn('precision', texts.precision, ({ precision }) => precision),
  numberColumn('f1', texts.f1, 76, ({ f1 }) => f1, formatScore),
]

function estimateColumn(
  key: string,
  header: string,
  of: (row: ClassRow) => Estimate | null,
): Column<ClassRow> {
  return {
    key,
    header,
    width: 168,
    number: true,
    sort: (row) => of(row)?.value ?? null,
    cell: (row) => {
      const estimate = of(row)
      if (estimate === null) return NOTHING
      const { value, low, high } = estimate
      return (
        <>
          {formatScore(value)}{' '}
          <span class="faint">
            {formatScore(low, 2)}–{formatScore(high, 2)}
          </span>
        </>
      )
    },
  }
}
