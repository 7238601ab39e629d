/**
 * @file A table whose rows can be sorted and filtered. Of a long one only the rows in sight are in the document, so that a thousand are as quick
 * as ten; screen readers are told how many there are.
 */
import type { ComponentChildren, JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import { type Order, type SortKey, sortRows } from './sort-rows.ts'
import { useScrolled } from './use-scrolled.ts'
import { visibleRows } from './visible-rows.ts'

export interface Column<Row> {
  readonly key: string
  readonly header: string
  /** In pixels; a column without one shares what is left. */
  readonly width?: number
  readonly number?: boolean
  /** What it is sorted by; absent: it is not. */
  readonly sort?: (row: Row) => SortKey
  readonly cell: (row: Row) => ComponentChildren
}

export interface DataTableProps<Row> {
  /** What the rows are, for screen readers. */
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowKey: (row: Row) => string
  readonly initialOrder?: Order
  /** In place of the rows when there are none. */
  readonly empty: ComponentChildren
}

/** As data.css has it: rows in sight are counted by it. */
const ROW_PX = 40
/** Up to here all rows are drawn, and the page scrolls instead of the table. */
const ALL_ROWS = 60
/** Of a column without a width; narrower, it would say nothing. */
const LEAST_PX = 110

export function DataTable<Row>(props: DataTableProps<Row>): JSX.Element {
  const { label, columns, rows, rowKey, initialOrder, empty } = props
  const [order, setOrder] = useState<Order | undefined>(initialOrder)
  const [scrolled, region] = useScrolled()
  const sorted = useMemo(() => {
    const sort = columns.find(({ key }) => key === order?.column)?.sort
    return sort === undefined || order === undefined ? rows : sortRows(rows, sort, order.descending)
  }, [rows, columns, order])
  if (rows.length === 0) return <>{empty}</>

  const long = sorted.length > ALL_ROWS
  const { from, to } = long ? visibleRows(sorted.length, ROW_PX, scrolled) : { from: 0, to: sorted.length }
  const minWidth = columns.reduce((sum, { width = LEAST_PX }) => sum + width, 0)
  return (
    // A region that scrolls must be reachable by keyboard, or its far end is not.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div
      class={`table-scroll${long ? ' table-scroll--tall' : ''}`}
      ref={region}
      role="group"
      aria-label={label}
      tabIndex={0}
    >
      <table class="table" aria-rowcount={sorted.length + 1} style={{ minWidth: `${minWidth}px` }}>
        <colgroup>
          {columns.map(({ key, width }) => (
            <col key={key} style={width === undefined ? undefined : { width: `${width}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Header key={column.key} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer rows={from} columns={columns.length} />
          {sorted.slice(from, to).map((row, i) => (
            <tr key={rowKey(row)} aria-rowindex={from + i + 2}>
              {columns.map(({ key, cell, number }, j) =>
                j === 0 ? (
                  <th key={key} scope="row">
                    {cell(row)}
                  </th>
                ) : (
                  <td key={key} class={number ? 'number' : undefined}>
                    {cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
          <Spacer rows={sorted.length - to} columns={columns.length} />
        </tbody>
      </table>
    </div>
  )
}

function Spacer({ rows, columns }: { readonly rows: number; readonly columns: number }): JSX.Element | null {
  if (rows === 0) return null
  return (
    <tr class="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height: `${rows * ROW_PX}px` }} />
    </tr>
  )
}

interface HeaderProps<Row> {
  readonly column: Column<Row>
  readonly order: Order | undefined
  readonly onOrder: (order: Order) => void
}

function Header<Row>({ column, order, onOrder }: HeaderProps<Row>): JSX.Element {
  const { key, header, number, sort } = column
  const kind = number ? 'number' : undefined
  if (sort === undefined) {
    return (
      <th scope="col" class={kind}>
        {header}
      </th>
    )
  }
  const own = order?.column === key ? order : null
  // Numbers are asked for with the largest first, names from A.
  const descending = own === null ? number === true : !own.descending
  return (
    <th
      scope="col"
      class={kind}
      aria-sort={own === null ? undefined : own.descending ? 'descending' : 'ascending'}
    >
      <button type="button" class="sort" onClick={() => onOrder({ column: key, descending })}>
        {header}
        <Icon name="up" />
      </button>
    </th>
  )
}
