/** @file What every view of the page has at hand. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Question } from '../components/confirm-dialog.tsx'
import type { Notices } from '../components/notices.tsx'
import type { Theme } from '../components/theme.ts'
import type { SiteLive } from './follow-events.ts'

export interface Desk {
  readonly live: SiteLive
  readonly theme: Theme
  readonly notices: Notices
  /** Asks before an act. */
  readonly ask: (question: Question) => void
}

export const DeskContext = createContext<Desk | null>(null)

export function useDesk(): Desk {
  const desk = useContext(DeskContext)
  if (desk === null) throw new Error('internal: a view must be drawn inside the page, got none')
  return desk
}
