/** @file What stands where there is nothing to show: not yet, not at all, or not any more. */
import type { ComponentChildren, JSX } from 'preact'
import { Icon, type IconName } from './icon.tsx'
import { TONE_ICONS, type Tone } from './status-badge.tsx'

export interface StateProps {
  readonly title: string
  /** Says why, and what to do about it. */
  readonly children?: ComponentChildren
  readonly icon?: IconName
  readonly small?: boolean
}

export function Empty({ title, children, icon = 'idle', small }: StateProps): JSX.Element {
  return (
    <div class={`state${small ? ' state--small' : ''}`}>
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  )
}

export function Failed({ title, children }: Omit<StateProps, 'icon' | 'small'>): JSX.Element {
  return (
    <div class="state tone-alarm" role="alert">
      <Icon name="stop" />
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** Grey shapes of what is on its way. */
export function Loading({ label }: { readonly label: string }): JSX.Element {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">{label}</span>
      <i />
      <i />
      <i />
    </div>
  )
}

/** A sentence inside a panel or a dialog that must not be overlooked. */
export function Message({
  tone,
  children,
}: {
  readonly tone: Tone
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <div class={`message tone-${tone}`} role={tone === 'alarm' ? 'alert' : undefined}>
      <Icon name={TONE_ICONS[tone]} />
      <div>{children}</div>
    </div>
  )
}
