/** @file What every view of a page has at hand. */
import { type Context, createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Notices } from './notices.tsx'
import type { Question } from './question.ts'
import type { Theme } from './theme.ts'

/** `Live`: how the page is kept up to date; `Session`: who looks at it. */
export interface Desk<Live, Session> {
  readonly live: Live
  readonly session: Session
  readonly theme: Theme
  readonly notices: Notices
  /** Asks before an act. */
  readonly ask: (question: Question) => void
}

/** The desk of one page: each has its own kind. */
export function createDesk<Live, Session>(): readonly [
  context: Context<Desk<Live, Session> | null>,
  use: () => Desk<Live, Session>,
] {
  const context = createContext<Desk<Live, Session> | null>(null)
  const use = (): Desk<Live, Session> => {
    const desk = useContext(context)
    if (desk === null) throw new Error('internal: a view must be drawn inside the page, got none')
    return desk
  }
  return [context, use]
}
