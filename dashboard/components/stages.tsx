/** @file A round's way, twice: how many sites are where, and how far one site is. */
import type { JSX } from 'preact'

export type StageState = 'todo' | 'active' | 'done'

export interface Stage {
  readonly name: string
  readonly state: StageState
  /** Sites that are there now, or have been; null: it is the round's own. */
  readonly count: string | null
}

export function Stages({
  label,
  stages,
}: {
  readonly label: string
  readonly stages: readonly Stage[]
}): JSX.Element {
  return (
    <ol class="stages" aria-label={label}>
      {stages.map(({ name, state, count }) => (
        <li key={name} data-state={state} aria-current={state === 'active' ? 'step' : undefined}>
          {count !== null && <div class="stage-count">{count}</div>}
          <div class="stage-name">{name}</div>
        </li>
      ))}
    </ol>
  )
}

export interface StageTrackProps {
  /** In words, for all who do not see it. */
  readonly label: string
  readonly steps: number
  /** Steps that are behind. */
  readonly done: number
  /** Of the step it is in, from 0 to 1; null: it is in none. */
  readonly share: number | null
  readonly failed?: boolean
}

export function StageTrack({ label, steps, done, share, failed }: StageTrackProps): JSX.Element {
  return (
    <div class="track" role="img" aria-label={label}>
      {Array.from({ length: steps }, (_, i) => {
        if (failed && i === done) return <span key={i} data-state="failed" />
        if (i < done) return <span key={i} data-state="done" />
        if (i > done || share === null) return <span key={i} data-state="todo" />
        return (
          <span key={i} data-state="active">
            <i style={{ width: `${100 * Math.min(1, Math.max(0, share))}%` }} />
          </span>
        )
      })}
    </div>
  )
}
