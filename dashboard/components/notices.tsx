/** @file Short messages about what has just been done, shown for a while and read out by screen readers. */
import type { JSX } from 'preact'
import { Icon } from './icon.tsx'
import { TONE_ICONS, type Tone } from './status-badge.tsx'
import { createStore, type Store, useStore } from './store.ts'

export interface Notice {
  readonly id: number
  readonly tone: Tone
  readonly text: string
}

/** Time to read a sentence twice. What failed stays until it is closed. */
const SHOWN_MS = 8000
/** More would cover the page; the oldest goes first. */
const MAX_NOTICES = 4

export interface Notices {
  readonly store: Store<readonly Notice[]>
  tell(tone: Tone, text: string): void
  close(id: number): void
}

/** @param later Runs an action after so many milliseconds. */
export function createNotices(later: (action: () => void, ms: number) => unknown): Notices {
  const store = createStore<readonly Notice[]>([])
  let last = 0
  const close = (id: number): void => store.set(store.get().filter((notice) => notice.id !== id))
  return {
    store,
    close,
    tell(tone, text) {
      const id = ++last
      store.set([...store.get(), { id, tone, text }].slice(-MAX_NOTICES))
      if (tone !== 'alarm') later(() => close(id), SHOWN_MS)
    },
  }
}

export function NoticeList({
  notices,
  closeLabel,
}: {
  readonly notices: Notices
  readonly closeLabel: string
}): JSX.Element {
  const shown = useStore(notices.store)
  return (
    <div class="notices" role="status" aria-live="polite">
      {shown.map(({ id, tone, text }) => (
        <div key={id} class={`notice tone-${tone}`}>
          <Icon name={TONE_ICONS[tone]} />
          <p>{text}</p>
          <button
            type="button"
            class="button button--quiet button--small"
            aria-label={closeLabel}
            onClick={() => notices.close(id)}
          >
            <Icon name="cross" />
          </button>
        </div>
      ))}
    </div>
  )
}
