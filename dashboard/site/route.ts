/** @file The page's addresses: after the `#`. */

export const VIEWS = ['overview', 'frames', 'round', 'data', 'policy'] as const
export type ViewName = (typeof VIEWS)[number]

export function linkTo(view: ViewName): string {
  return view === 'overview' ? '#/' : `#/${view}`
}

/** Reads `#/frames`; null: there is no such view. */
export function parseRoute(hash: string): ViewName | null {
  const name = hash.replace(/^#?\/?/, '').replace(/\/$/, '')
  return name === '' ? 'overview' : (VIEWS.find((view) => view === name && view !== 'overview') ?? null)
}
