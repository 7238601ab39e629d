/** @file The check's report: tiles by class and part, and what was found. Counts only. */
import type { ClassTiles, SiteView } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { formatCount } from '../../components/format.ts'
import { Panel } from '../../components/panel.tsx'
import { ViewHead } from '../../components/view-head.tsx'
import { text } from '../../text/site.ts'
import { DataPanel } from '../data-panel.tsx'

const texts = text.data

const PARTS = ['train', 'val', 'test'] as const

export function DataView({ view, nowMs }: { readonly view: SiteView; readonly nowMs: number }): JSX.Element {
  const { data } = view
  const { classes, divided, remarks } = data
  const columns: Column<ClassTiles>[] = [
    { key: 'name', header: texts.class, sort: ({ name }) => name, cell: ({ name }) => name },
    ...PARTS.filter((part) => divided || part === 'train').map((part) => ({
      key: part,
      header: divided ? texts.parts[part] : texts.tiles,
      number: true,
      sort: (row: ClassTiles) => row[part],
      cell: (row: ClassTiles) => formatCount(row[part]),
    })),
  ]
  return (
    <>
      <ViewHead title={texts.viewTitle} />
      <DataPanel data={data} nowMs={nowMs} />
      <div class="columns">
        {classes.length > 0 && (
          <Panel title={texts.classes} note={divided ? undefined : texts.allTrain} flush>
            <DataTable
              label={texts.classes}
              columns={columns}
              rows={classes}
              rowKey={({ name }) => name}
              empty={null}
            />
          </Panel>
        )}
        {remarks.length > 0 && (
          <Panel title={texts.remarkTitle}>
            <table class="plain-table rules">
              <thead>
                <tr>
                  <th scope="col" class="number">
                    {texts.count}
                  </th>
                  <th scope="col">{texts.found}</th>
                  <th scope="col">{texts.whatToDo}</th>
                </tr>
              </thead>
              <tbody>
                {remarks.map(({ remark, count }) => (
                  <tr key={remark}>
                    <td class="number">{formatCount(count)}</td>
                    <td>{texts.remark(remark)}</td>
                    <td class="soft">{texts.advice(remark)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Panel>
        )}
      </div>
    </>
  )
}
