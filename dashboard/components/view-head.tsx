/** @file The top of a view: its heading, how it is, and what can be done. */
import type { ComponentChildren, JSX } from 'preact'

export interface ViewHeadProps {
  readonly title: string
  /** Where this view lies, as links. */
  readonly crumb?: ComponentChildren
  readonly badges?: ComponentChildren
  readonly note?: ComponentChildren
  readonly actions?: ComponentChildren
}

export function ViewHead({ title, crumb, badges, note, actions }: ViewHeadProps): JSX.Element {
  return (
    <header class="view-head">
      <div class="view-title">
        {crumb && <div class="crumb">{crumb}</div>}
        <div class="title-line">
          <h1 tabIndex={-1}>{title}</h1>
          {badges}
        </div>
        {note && <p class="soft">{note}</p>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </header>
  )
}
