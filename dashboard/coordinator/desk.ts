/** @file What every view of the page has at hand. */
import type { Session } from '@tessera/shared/dashboard/coordinator-api'
import type { CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import { createDesk } from '../components/desk.ts'
import type { LiveView } from '../live/live-view.ts'

export const [DeskContext, useDesk] = createDesk<LiveView<CoordinatorView>, Session>()
