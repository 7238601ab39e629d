/** @file Text that stands around every view. */

const TITLES: Readonly<Record<string, string>> = {
  overview: 'Overview',
  sites: 'Sites',
  'new-study': 'New study',
  unknown: 'Not found',
}

export const common = {
  brand: 'Tessera',
  title: (view: string, name: string): string => `${name || TITLES[view] || view} · Tessera`,
  session: (name: string, role: string): string => `${name} (${role})`,
  common: { close: 'Close', signOut: 'Sign out' },
  nav: {
    role: 'Coordinator',
    nav: 'Pages',
    skip: 'Skip to content',
    alarms: (count: number): string => (count === 1 ? 'thing needs attention' : 'things need attention'),
    overview: 'Overview',
    sites: 'Sites',
    studies: 'Studies',
    newStudy: 'New study',
  },
  theme: {
    label: 'Colours:',
    names: { auto: 'System', light: 'Light', dark: 'Dark' },
  },
  link: { connecting: 'Connecting', live: 'Live', cut: 'Cut off' },
  dialog: { cancel: 'Back', command: 'The same at a terminal', busy: 'Working…' },
  chart: { showTable: 'Show as table', hideTable: 'Hide table' },
  states: {
    loading: 'Loading',
    failed: 'This could not be loaded',
    cut: (ago: string): string =>
      `Cut off from the coordinator ${ago}. What you see is old; the page comes back by itself.`,
    unreachable: 'The coordinator cannot be reached.',
    unreachableAdvice: 'Check that it runs (tessera coordinator status), then load this page again.',
    noView: 'There is no such page',
    toOverview: 'Go to the overview',
  },
  signIn: {
    title: 'Sign in',
    linkRefused: 'This link did not work:',
    oidc: 'Sign in with your organisation',
    how: 'Ask for a link where the coordinator runs, and open it in this browser:',
    command: 'tessera coordinator dashboard link',
    once: 'A link works once, for ten minutes. With --role viewer it lets its reader look and not act.',
  },
  form: {
    required: 'must be filled in',
    number: 'must be a number',
    integer: 'must be a whole number',
    least: (least: number): string => `must be ${least} or more`,
    most: (most: number): string => `must be ${most} or less`,
    above: (above: number): string => `must be more than ${above}`,
    below: (below: number): string => `must be less than ${below}`,
    pattern: 'must be of the form that is said below the field',
    tooLong: (most: number): string => `must have ${most} characters or fewer`,
    fewItems: (least: number): string => `must have ${least} or more, one a line`,
    manyItems: (most: number): string => `must have ${most} or fewer`,
  },
} as const
