/** @file The page's addresses: after the `#`, so that the page can be served from any path. */

export const STUDY_TABS = ['round', 'results', 'participation', 'ledger', 'plan'] as const
export type StudyTab = (typeof STUDY_TABS)[number]

export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'sites' }
  | { readonly view: 'new-study' }
  | { readonly view: 'study'; readonly study: string; readonly tab: StudyTab }
  | { readonly view: 'site'; readonly site: string }
  | { readonly view: 'unknown' }

/** Reads `#/studies/colon/results`. */
export function parseRoute(hash: string): Route {
  const parts = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decode)
  const [first, second, third, ...rest] = parts
  if (first === undefined) return { view: 'overview' }
  if (first === 'sites' && third === undefined) {
    return second === undefined ? { view: 'sites' } : { view: 'site', site: second }
  }
  if (first === 'new-study' && second === undefined) return { view: 'new-study' }
  if (first === 'studies' && second !== undefined && rest.length === 0) {
    const tab = STUDY_TABS.find((name) => name === (third ?? 'round'))
    if (tab !== undefined) return { view: 'study', study: second, tab }
  }
  return { view: 'unknown' }
}

/** The address of a view, for links. */
export const links = {
  overview: '#/',
  sites: '#/sites',
  newStudy: '#/new-study',
  study: (study: string, tab: StudyTab = 'round'): string =>
    `#/studies/${encodeURIComponent(study)}${tab === 'round' ? '' : `/${tab}`}`,
  site: (site: string): string => `#/sites/${encodeURIComponent(site)}`,
} as const

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
