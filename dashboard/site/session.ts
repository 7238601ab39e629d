/** @file Who looks at the page: a one-time link is used up, or the browser's cookie still holds. */
import { RequestError } from '../live/request.ts'
import type { api } from './api.ts'

export type SignedState =
  | { readonly state: 'asking' }
  | { readonly state: 'in' }
  /** `fault`: what was wrong with a link. */
  | { readonly state: 'out'; readonly fault: string | null }
  | { readonly state: 'unreachable' }

const LINK = /^#sign-in=(.+)$/

/** Uses the link in the page's address, if there is one, and takes it out of there: it would be in the browser's history. */
export async function resumeSession(
  window: Pick<Window, 'location' | 'history'>,
  { session, signIn }: Pick<typeof api, 'session' | 'signIn'>,
): Promise<SignedState> {
  const link = LINK.exec(window.location.hash)?.[1]
  if (link !== undefined) window.history.replaceState(null, '', '#/')
  try {
    await (link === undefined ? session() : signIn(link))
    return { state: 'in' }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    if (error.code === '') return { state: 'unreachable' }
    return { state: 'out', fault: link === undefined ? null : error.message }
  }
}
