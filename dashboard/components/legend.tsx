/** @file A chart's curves by name: each a button that hides and shows it, with its value under the pointer. */
import type { JSX } from 'preact'
import type { Curve } from './chart-options.ts'

export interface LegendProps {
  readonly curves: readonly Curve[]
  readonly hidden: ReadonlySet<string>
  /** Place in the curves' values; null: the newest. */
  readonly at: number | null
  readonly format: (value: number | null) => string
  readonly onToggle: (name: string) => void
}

const DASHES = { strong: undefined, plain: undefined, dashed: '6 4', edge: '2 3' } as const

export function Legend({ curves, hidden, at, format, onToggle }: LegendProps): JSX.Element {
  return (
    <div class="legend">
      {curves.map(({ name, values, colour, style }) => (
        <button key={name} type="button" aria-pressed={!hidden.has(name)} onClick={() => onToggle(name)}>
          <svg class={`series-${colour}`} viewBox="0 0 22 8" aria-hidden="true" focusable="false">
            <line
              x1="1"
              y1="4"
              x2="21"
              y2="4"
              stroke="currentColor"
              stroke-width={style === 'strong' ? 3.5 : 2}
              stroke-dasharray={DASHES[style]}
            />
          </svg>
          {name}
          <output>
            {format((at === null ? values.findLast((value) => value !== null) : values[at]) ?? null)}
          </output>
        </button>
      ))}
    </div>
  )
}
