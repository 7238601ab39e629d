/** @file What every view of the page has at hand. */
import type { Session } from '@tessera/shared/dashboard/coordinator-api'
import type { CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Question } from '../components/confirm-dialog.tsx'
import type { Notices } from '../components/notices.tsx'
import type { Theme } from '../components/theme.ts'
import type { LiveView } from '../live/live-view.ts'

export interface Desk {
  readonly live: LiveView<CoordinatorView>
  readonly session: Session
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
