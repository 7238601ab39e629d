/** @file How something is, in a word: a colour, a picture and the word itself, so that no reader depends on the colour. */
import type { JSX } from 'preact'
import { Icon, type IconName } from './icon.tsx'

export type Tone = 'ok' | 'busy' | 'idle' | 'warn' | 'alarm'

export const TONE_ICONS: Readonly<Record<Tone, IconName>> = {
  ok: 'check',
  busy: 'work',
  idle: 'idle',
  warn: 'alert',
  alarm: 'stop',
}

export function StatusBadge({
  tone,
  children,
}: {
  readonly tone: Tone
  readonly children: string
}): JSX.Element {
  return (
    <span class={`badge tone-${tone}`}>
      <Icon name={TONE_ICONS[tone]} />
      {children}
    </span>
  )
}
