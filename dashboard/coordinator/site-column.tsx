/** @file The column that says which site a row is of. */
import type { Column } from '../components/data-table.tsx'
import { links } from './route.ts'

export function siteColumn<Row extends { readonly site: string }>(header: string): Column<Row> {
  return {
    key: 'site',
    header,
    sort: ({ site }) => site,
    cell: ({ site }) => <a href={links.site(site)}>{site}</a>,
  }
}
