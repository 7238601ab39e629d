/** @file Who looks at the page: a one-time link is used up, or the browser's cookie still holds. */
import type { Session } from '@tessera/shared/dashboard/coordinator-api'
import { RequestError } from '../live/request.ts'
import type { Api } from './api.ts'

export type SignedState =
  | { readonly state: 'asking' }
  | { readonly state: 'in'; readonly session: Session }
  /** `fault`: what was wrong with a link. */
  | { readonly state: 'out'; readonly oidc: boolean; readonly fault: string | null }
  | { readonly state: 'unreachable'; readonly message: string }

const LINK = /^#sign-in=(.+)$/

/** Uses the link in the page's address, if there is one, and takes it out of there: it would be in the browser's history. */
export async function resumeSession(
  window: Pick<Window, 'location' | 'history'>,
  api: Pick<Api, 'session' | 'signIn'>,
): Promise<SignedState> {
  const link = LINK.exec(window.location.hash)?.[1]
  if (link !== undefined) window.history.replaceState(null, '', '#/')
  try {
    const session = link === undefined ? await api.session() : await api.signIn(link)
    return { state: 'in', session }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    // A coordinator that is starting answers, and knows of no session yet: that ends none.
    if (link === undefined && error.code !== 'ERR_SIGN_IN')
      return { state: 'unreachable', message: error.message }
    return { state: 'out', oidc: hasOidc(error.body), fault: link === undefined ? null : error.message }
  }
}

/** What becomes of somebody who is in, once a connection was refused: out is only who is told so. A server that does not answer takes no page away. */
export function afterRefusal(before: SignedState, now: SignedState): SignedState {
  return now.state === 'out' ? now : before
}

function hasOidc(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'oidc' in body && body.oidc === true
}
