/** @file A part of a view, with its heading. */
import type { ComponentChildren, JSX } from 'preact'
import { useId } from 'preact/hooks'

export interface PanelProps {
  readonly title: string
  /** Beside the title: what the numbers are of. */
  readonly note?: string | undefined
  /** At the right: what can be done here. */
  readonly actions?: ComponentChildren
  /** Its content reaches the edges: a table. */
  readonly flush?: boolean
  readonly children: ComponentChildren
}

export function Panel({ title, note, actions, flush, children }: PanelProps): JSX.Element {
  const id = useId()
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <div>
          <h2 id={id}>{title}</h2>
          {note && <p class="panel-note">{note}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </div>
      <div class={`panel-body${flush ? ' panel-body--flush' : ''}`}>{children}</div>
    </section>
  )
}
