import { describe, expect, test } from 'vitest'
import { resumeSession } from '../../../dashboard/coordinator/session.ts'
import { RequestError } from '../../../dashboard/live/request.ts'
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
  test('a server that does not answer is not a session that has ended', async () => {
    const error = new RequestError('', 'The coordinator cannot be reached.')
    expect(await resumeSession(windowAt('').window, refusing(error))).toMatchObject({ state: 'unreachable' })
  })
})
