/** @file The site's page: signs in, follows the live view, draws. */
import { render } from 'preact'
import { createNotices } from '../components/notices.tsx'
import { createStore } from '../components/store.ts'
import { startTheme } from '../components/theme.ts'
import { api, LIVE_ADDRESS } from './api.ts'
import { followEvents } from './follow-events.ts'
import { Page } from './page.tsx'
import { resumeSession, type SignedState } from './session.ts'

const theme = startTheme(window)
const notices = createNotices((action, ms) => window.setTimeout(action, ms))
const signed = createStore<SignedState>({ state: 'asking' })

const checkSession = async (): Promise<void> => signed.set(await resumeSession(window, api))
const connect = () =>
  followEvents({
    open: () => new EventSource(LIVE_ADDRESS),
    now: () => Date.now(),
    later: (action, ms) => window.setTimeout(action, ms),
    onRefused: () => void checkSession(),
  })

const root = document.getElementById('page')
if (root !== null) render(<Page signed={signed} connect={connect} theme={theme} notices={notices} />, root)
// A link that is opened in a tab that has the page already.
window.addEventListener('hashchange', () => {
  if (window.location.hash.startsWith('#sign-in=')) void checkSession()
})
await checkSession()
