/** @file The site's page: signs in, follows the live view, draws. */
import { mountPage } from '../components/mount-page.tsx'
import { createNotices } from '../components/notices.tsx'
import { startTheme } from '../components/theme.ts'
import { followSession } from '../live/session.ts'
import { text } from '../text/site.ts'
import { api, LIVE_ADDRESS } from './api.ts'
import { DeskContext } from './desk.ts'
import { followEvents } from './follow-events.ts'
import { Frame } from './frame.tsx'

const later = (action: () => void, ms: number): number => window.setTimeout(action, ms)
const theme = startTheme(window)
const notices = createNotices(later)
const signed = followSession(window, api)
const connect = () =>
  followEvents({
    open: () => new EventSource(LIVE_ADDRESS),
    now: () => Date.now(),
    later,
    onRefused: () => void signed.lookForEnd(),
  })

const page = { signed, connect, theme, notices, texts: text, context: DeskContext }
mountPage(page, <Frame onSignedOut={() => signed.end(false)} />)
