/** @file The coordinator's page: signs in, follows the live view, draws. */
import {
  applyChange,
  type CoordinatorView,
  LIVE_PATH,
  type ViewChange,
} from '@tessera/shared/dashboard/coordinator-view'
import { render } from 'preact'
import { createNotices } from '../components/notices.tsx'
import { createStore } from '../components/store.ts'
import { startTheme } from '../components/theme.ts'
import { connectLive } from '../live/connect.ts'
import { followLive } from '../live/live-view.ts'
import { api } from './api.ts'
import { Page } from './page.tsx'
import { afterRefusal, resumeSession, type SignedState } from './session.ts'

const theme = startTheme(window)
const notices = createNotices((action, ms) => window.setTimeout(action, ms))
const signed = createStore<SignedState>({ state: 'asking' })

const checkSession = async (): Promise<void> => signed.set(await resumeSession(window, api))

/** When no connection comes about, the session may have ended: then the page asks for another sign-in instead of waiting for ever. */
const lookForEnd = async (): Promise<void> =>
  signed.set(afterRefusal(signed.get(), await resumeSession(window, api)))

const connect = () =>
  followLive<CoordinatorView, ViewChange>({
    socket: connectLive(LIVE_PATH),
    apply: applyChange,
    now: () => Date.now(),
    later: (action, ms) => window.setTimeout(action, ms),
    onRefused: () => void lookForEnd(),
  })

const root = document.getElementById('page')
if (root !== null) render(<Page signed={signed} connect={connect} theme={theme} notices={notices} />, root)
await checkSession()
