/**
 * @file The live view as server-sent events: `view`, the whole, then `change`, the sections that are others. One look at things serves all who watch; who reads
 * slowly gets fewer and larger changes, and nothing waits for anyone.
 */
import type { Clock } from '@tessera/shared/clock'
import type { SiteView, SiteViewChange } from '@tessera/shared/dashboard/site-view'
import type { Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Model } from './model.ts'

/** Between two looks: what a person takes for at once, and what an agent tells at most. */
const LOOK_MS = 500
/** A browser has a handful of tabs; more connections are no person's. */
const MAX_WATCHERS = 16

export interface Live {
  /** Answers with the stream. @param isOver True when the one who watches is not signed in any more. */
  stream(c: Context, isOver: () => boolean): Response
  /** Ends all streams. */
  close(): void
}

/** Begins no work before somebody watches. */
export function createLive(model: Pick<Model, 'view'>, clock: Clock): Live {
  /** JSON of each section, to tell whether it has changed. */
  const texts = new Map<string, string>()
  let view: SiteView | null = null
  let looking: Promise<SiteView> | null = null
  let watchers = 0
  const closing = new AbortController()

  const look = async (): Promise<SiteView> => {
    const found = await model.view()
    const sections = Object.entries(found).map(([name, section]) => {
      const text = JSON.stringify(section)
      const known = view?.[name as keyof SiteView]
      if (known !== undefined && texts.get(name) === text) return [name, known]
      texts.set(name, text)
      return [name, section]
    })
    view = Object.fromEntries(sections) as SiteView
    return view
  }
  /** One look for all who ask meanwhile. */
  const shared = (): Promise<SiteView> => {
    looking ??= look().finally(() => {
      looking = null
    })
    return looking
  }
  return {
    stream: (c, isOver) =>
      streamSSE(c, async (stream) => {
        if (watchers >= MAX_WATCHERS) return
        watchers++
        try {
          let sent: SiteView | null = null
          let number = 0
          while (!stream.aborted && !closing.signal.aborted && !isOver()) {
            const now = await shared()
            const event = sent === null ? { ...now, number } : changeOf(sent, now, number + 1)
            if (event !== null) {
              number = event.number
              // Waits for a slow reader, and for it alone.
              await stream.writeSSE({ event: sent === null ? 'view' : 'change', data: JSON.stringify(event) })
            }
            sent = now
            await new Promise<void>((resolve) => void clock.schedule(resolve, LOOK_MS))
          }
        } finally {
          watchers--
        }
      }),
    close() {
      closing.abort()
    },
  }
}

/** The sections that are others; null: none. */
export function changeOf(before: SiteView, after: SiteView, number: number): SiteViewChange | null {
  const changed = Object.entries(after).filter(
    ([name, section]) => name !== 'number' && before[name as keyof SiteView] !== section,
  )
  return changed.length === 0 ? null : { ...(Object.fromEntries(changed) as Partial<SiteView>), number }
}
