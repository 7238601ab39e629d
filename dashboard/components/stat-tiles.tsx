/** @file A row of numbers that are looked at first. */
import type { JSX } from 'preact'

export interface Stat {
  readonly label: string
  readonly value: string
  readonly note?: string | undefined
}

export function StatTiles({ stats }: { readonly stats: readonly Stat[] }): JSX.Element {
  return (
    <dl class="tiles">
      {stats.map(({ label, value, note }) => (
        <div class="tile" key={label}>
          <dt>{label}</dt>
          <dd>
            {value}
            {note && <div class="tile-note">{note}</div>}
          </dd>
        </div>
      ))}
    </dl>
  )
}
