/** @file Who looks at a page: a one-time link is used up, or the browser's cookie still holds. */
import { createStore, type Store } from '../components/store.ts'
import { RequestError } from './request.ts'

/** `Session`: what the page's server tells of whoever is in. */
export type SignedState<Session> =
  | { readonly state: 'asking' }
  | { readonly state: 'in'; readonly session: Session }
  /** `fault`: what was wrong with a link. */
  | { readonly state: 'out'; readonly oidc: boolean; readonly fault: string | null }
  | { readonly state: 'unreachable' }

export interface SessionApi<Session> {
  readonly session: () => Promise<Session>
  readonly signIn: (link: string) => Promise<Session>
}

export interface Signed<Session> {
  readonly state: Store<SignedState<Session>>
  /** Asks again after a connection was refused: the session may have ended, and then the page asks for another sign-in instead of waiting for ever. */
  readonly lookForEnd: () => Promise<void>
  readonly end: (oidc: boolean) => void
}

type SignInWindow = Pick<Window, 'location' | 'history' | 'addEventListener'>
type Address = Pick<Window, 'location' | 'history'>
const LINK = /^#sign-in=(.+)$/

/** Asks who is there, and again when a link is opened in a tab that has the page already. */
export function followSession<Session>(window: SignInWindow, api: SessionApi<Session>): Signed<Session> {
  const state = createStore<SignedState<Session>>({ state: 'asking' })
  const check = async (): Promise<void> => state.set(await resumeSession(window, api))
  window.addEventListener('hashchange', () => void (LINK.test(window.location.hash) && check()))
  void check()
  return {
    state,
    lookForEnd: async () => state.set(afterRefusal(state.get(), await resumeSession(window, api))),
    end: (oidc) => state.set({ state: 'out', oidc, fault: null }),
  }
}

/** Uses the link in the page's address, if there is one, and takes it out of there: it would be in the browser's history. */
export async function resumeSession<Session>(
  window: Address,
  { session, signIn }: SessionApi<Session>,
): Promise<SignedState<Session>> {
  const link = LINK.exec(window.location.hash)?.[1]
  if (link !== undefined) window.history.replaceState(null, '', '#/')
  try {
    return { state: 'in', session: await (link === undefined ? session() : signIn(link)) }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    // A server that is starting answers, and knows of no session yet: that ends none.
    if (link === undefined && error.code !== 'ERR_SIGN_IN') return { state: 'unreachable' }
    return { state: 'out', oidc: hasOidc(error.body), fault: link === undefined ? null : error.message }
  }
}

/** What becomes of somebody who is in: out is only who is told so. A server that does not answer takes no page away. */
export function afterRefusal<Session>(
  before: SignedState<Session>,
  now: SignedState<Session>,
): SignedState<Session> {
  return now.state === 'out' ? now : before
}

function hasOidc(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'oidc' in body && body.oidc === true
}
