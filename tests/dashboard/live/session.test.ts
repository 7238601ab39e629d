import type { Session } from '@tessera/shared/dashboard/coordinator-api'
import { describe, expect, test } from 'vitest'
import { RequestError } from '../../../dashboard/live/request.ts'
import {
  afterRefusal,
  followSession,
  resumeSession,
  type SignedState,
} from '../../../dashboard/live/session.ts'
import { OPERATOR } from '../../support/page-server.ts'

function windowAt(hash: string) {
  const addresses: unknown[] = []
  const history = { replaceState: (_: unknown, __: string, address: unknown) => addresses.push(address) }
  return { window: { location: { hash }, history } as unknown as Window, addresses }
}

/** A server that refuses everything. */
function refusing(error: RequestError) {
  const refuse = async (): Promise<never> => {
    throw error
  }
  return { session: refuse, signIn: refuse }
}

describe('afterRefusal()', () => {
  const inside: SignedState<Session> = { state: 'in', session: OPERATOR }
  test('a server that does not answer takes no page away', () => {
    expect(afterRefusal(inside, { state: 'unreachable' })).toBe(inside)
    expect(afterRefusal(inside, { state: 'in', session: OPERATOR })).toBe(inside)
  })
  test('who is told to be out is', () => {
    const out: SignedState<Session> = { state: 'out', oidc: false, fault: null }
    expect(afterRefusal(inside, out)).toBe(out)
  })
})

describe('resumeSession()', () => {
  test('uses a link once and takes it out of the address', async () => {
    const links: string[] = []
    const { window, addresses } = windowAt('#sign-in=secret')
    const signIn = async (link: string) => {
      links.push(link)
      return OPERATOR
    }
    const { session } = refusing(new RequestError('', 'internal: the link must be used'))
    expect(await resumeSession(window, { session, signIn })).toEqual({ state: 'in', session: OPERATOR })
    expect([links, addresses]).toEqual([['secret'], ['#/']])
  })
  test('says why a link does not work, after it is out of the address', async () => {
    const { window, addresses } = windowAt('#sign-in=old')
    const error = new RequestError('ERR_LINK', 'link must be unused, got a used one', { oidc: true })
    expect(await resumeSession(window, refusing(error))).toEqual({
      state: 'out',
      oidc: true,
      fault: 'link must be unused, got a used one',
    })
    expect(addresses).toEqual(['#/'])
  })
  test('without a link or a session nothing is wrong', async () => {
    const error = new RequestError('ERR_SIGN_IN', 'session must be there, got none', { oidc: false })
    expect(await resumeSession(windowAt('#/sites').window, refusing(error))).toEqual({
      state: 'out',
      oidc: false,
      fault: null,
    })
  })
  test.each([
    ['does not answer', ''],
    ['is still starting', 'ERR_PAGE_UNKNOWN'],
  ])('a server that %s has ended no session', async (_, code) => {
    const error = new RequestError(code, 'not now')
    expect(await resumeSession(windowAt('').window, refusing(error))).toMatchObject({ state: 'unreachable' })
  })
})

describe('followSession()', () => {
  test('a link that is opened in a tab that has the page is used', async () => {
    const { window } = windowAt('#/sites')
    const listeners: (() => void)[] = []
    const listening = Object.assign(window, {
      addEventListener: (_: string, listener: () => void) => listeners.push(listener),
    })
    const refused = refusing(new RequestError('ERR_SIGN_IN', 'session must be there, got none'))
    const links: string[] = []
    const signIn = async (link: string): Promise<Session> => {
      links.push(link)
      return OPERATOR
    }
    const { state } = followSession(listening, { ...refused, signIn })
    await expect.poll(() => state.get().state).toBe('out')
    const goTo = (hash: string): void => {
      window.location.hash = hash
      for (const listener of listeners) listener()
    }
    goTo('#/')
    goTo('#sign-in=fresh')
    await expect.poll(() => state.get()).toEqual({ state: 'in', session: OPERATOR })
    expect(links).toEqual(['fresh'])
  })
})
