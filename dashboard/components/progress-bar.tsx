/** @file How far something is, from 0 to 1. */
import type { JSX } from 'preact'

export interface ProgressBarProps {
  /** What is on its way, for a screen reader. */
  readonly label: string
  /** Null: it cannot be said. */
  readonly share: number | null
  /** Beside the bar, in words. */
  readonly note?: string | undefined
}

export function ProgressBar({ label, share, note }: ProgressBarProps): JSX.Element {
  const bar =
    share === null ? (
      <progress class="bar" aria-label={label} />
    ) : (
      <progress class="bar" aria-label={label} max={1} value={Math.min(1, Math.max(0, share))} />
    )
  return note === undefined ? (
    bar
  ) : (
    <div class="bar-line">
      {bar}
      <span class="soft">{note}</span>
    </div>
  )
}
