/** @file How much has left, by study, by kind or by day. */
import type { Sum } from '@tessera/shared/dashboard/site-view'
import type { JSX } from 'preact'
import { formatBytes, formatCount } from '../components/format.ts'
import { text } from '../text/site.ts'

export interface SumTableProps {
  readonly title: string
  readonly sums: readonly Sum[]
}

export function SumTable({ title, sums }: SumTableProps): JSX.Element {
  return (
    // A region that scrolls must be reachable by keyboard, or its far end is not.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div role="region" aria-label={title} tabIndex={0}>
      <table class="plain-table">
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">{text.frames.name}</th>
            <th scope="col" class="number">
              {text.departed.frameCount}
            </th>
            <th scope="col" class="number">
              {text.departed.size}
            </th>
          </tr>
        </thead>
        <tbody>
          {sums.map(({ name, frames, bytes }) => (
            <tr key={name}>
              <th scope="row">{name || text.frames.noStudy}</th>
              <td class="number">{formatCount(frames)}</td>
              <td class="number">{formatBytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
