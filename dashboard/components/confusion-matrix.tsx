/** @file How often tiles of each class were called what: counts, and their share of the true class as the ground. */
import type { PartialCounts } from '@tessera/shared/metrics'
import type { JSX } from 'preact'
import { formatCount, formatShare } from './format.ts'
import { heatClass } from './heat.ts'

export interface ConfusionMatrixProps {
  readonly classes: readonly string[]
  /** Rows true classes, columns called ones; a row that is null was withheld. */
  readonly counts: PartialCounts
  readonly labels: { readonly caption: string; readonly corner: string; readonly withheld: string }
}

export function ConfusionMatrix({ classes, counts, labels }: ConfusionMatrixProps): JSX.Element {
  return (
    <div class="table-scroll" role="group" aria-label={labels.caption} tabIndex={0}>
      <table class="matrix">
        <caption class="visually-hidden">{labels.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{labels.corner}</th>
            {classes.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((name, i) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <Row row={counts[i] ?? null} classes={classes} withheld={labels.withheld} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface RowProps {
  readonly row: readonly number[] | null
  readonly classes: readonly string[]
  readonly withheld: string
}

function Row({ row, classes, withheld }: RowProps): JSX.Element {
  if (row === null) {
    return (
      <td class="withheld" colSpan={classes.length}>
        {withheld}
      </td>
    )
  }
  const total = row.reduce((sum, count) => sum + count, 0)
  return (
    <>
      {row.map((count, j) => (
        <td key={classes[j]} class={heatClass(count / total)}>
          {formatCount(count)}
          {total > 0 && <small>{formatShare(count / total, 0)}</small>}
        </td>
      ))}
    </>
  )
}
