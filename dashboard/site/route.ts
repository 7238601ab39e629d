/** @file The page's addresses: after the `#`. */
import { useEffect, useState } from 'preact/hooks'

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

export function useRoute(): ViewName | null {
  const [hash, setHash] = useState(() => window.location.hash)
  useEffect(() => {
    const take = (): void => setHash(window.location.hash)
    window.addEventListener('hashchange', take)
    return () => window.removeEventListener('hashchange', take)
  }, [])
  return parseRoute(hash)
}
