/** @file Text that stands around every view of the site's page, and all of it together. */
import { formatDuration } from '../../components/format.ts'
import { siteActs } from './site-acts.ts'
import { siteStanding } from './site-standing.ts'
import { siteViews } from './site-views.ts'

export const site = {
  title: (view: string): string => `${view} · Tessera site`,
  nav: {
    role: (name: string): string => `Site ${name}`,
    nav: 'Pages',
    skip: 'Skip to content',
    alarms: (count: number): string => (count === 1 ? 'thing needs attention' : 'things need attention'),
    overview: 'Overview',
    frames: 'What has left',
    round: 'Training',
    data: 'My data',
    policy: 'My policy',
    unknown: 'Not found',
  },
  session: 'On this machine only',
  signIn: {
    title: 'This site’s own page',
    how: 'Ask for a link on the machine where the agent runs, and open it in a browser of that machine:',
    command: 'tessera site dashboard',
    once: 'A link works once, for ten minutes. The page is served on this machine’s loopback and nowhere else.',
    linkRefused: 'This link did not work:',
  },
  states: {
    loading: 'Loading',
    failed: 'This could not be loaded',
    cut: (ago: string): string =>
      `Cut off from the agent ${ago}: it may have ended. What you see is old; the page comes back by itself.`,
    unreachable: 'The agent cannot be reached.',
    unreachableAdvice:
      'It may have ended. Start it (tessera site start), then ask for a new link (tessera site dashboard).',
    noView: 'There is no such page',
    toOverview: 'Go to the overview',
  },
  ...siteStanding,
  ...siteViews,
  acts: siteActs,
  left: (seconds: number | null): string | null => (seconds === null ? null : formatDuration(seconds)),
} as const
