/** @file The coordinator's page: signs in, follows the live view, draws. */
import {
  applyChange,
  type CoordinatorView,
  LIVE_PATH,
  type ViewChange,
} from '@tessera/shared/dashboard/coordinator-view'
import { mountPage } from '../components/mount-page.tsx'
import { createNotices } from '../components/notices.tsx'
import { startTheme } from '../components/theme.ts'
import { connectLive } from '../live/connect.ts'
import { followLive } from '../live/live-view.ts'
import { followSession } from '../live/session.ts'
import { text } from '../text/en.ts'
import { api } from './api.ts'
import { DeskContext } from './desk.ts'
import { Frame } from './frame.tsx'

const later = (action: () => void, ms: number): number => window.setTimeout(action, ms)
const theme = startTheme(window)
const notices = createNotices(later)
const signed = followSession(window, api)
const connect = () =>
  followLive<CoordinatorView, ViewChange>({
    socket: connectLive(LIVE_PATH),
    apply: applyChange,
    now: () => Date.now(),
    later,
    onRefused: () => void signed.lookForEnd(),
  })

const page = { signed, connect, theme, notices, texts: text, context: DeskContext }
mountPage(page, <Frame onSignedOut={signed.end} />)
