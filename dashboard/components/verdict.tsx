/** @file A page's first line: whether all is well, in words. */
import type { JSX } from 'preact'
import { Icon } from './icon.tsx'
import { TONE_ICONS, type Tone } from './status-badge.tsx'

export interface VerdictProps {
  readonly tone: Tone
  readonly title: string
  readonly note?: string | undefined
}

export function Verdict({ tone, title, note }: VerdictProps): JSX.Element {
  return (
    <div class={`verdict tone-${tone}`}>
      <Icon name={TONE_ICONS[tone]} />
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {note && <p>{note}</p>}
      </div>
    </div>
  )
}
