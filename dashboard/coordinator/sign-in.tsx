/** @file What somebody sees who is not signed in: how to get in. There is no password to type. */
import type { JSX } from 'preact'
import { Message } from '../components/states.tsx'
import { text } from '../text/en.ts'

export interface SignInProps {
  /** The consortium has a sign-in of its own. */
  readonly oidc: boolean
  readonly fault: string | null
}

export function SignIn({ oidc, fault }: SignInProps): JSX.Element {
  const texts = text.signIn
  return (
    <main class="sign-in">
      <div class="panel panel-body stack">
        <h1>{texts.title}</h1>
        {fault !== null && (
          <Message tone="alarm">
            {texts.linkRefused} {fault}
          </Message>
        )}
        {oidc && (
          <a class="button button--primary" href="sign-in">
            {texts.oidc}
          </a>
        )}
        <p>{texts.how}</p>
        <div class="command">
          <code>tessera coordinator dashboard link</code>
        </div>
        <p class="soft">{texts.once}</p>
      </div>
    </main>
  )
}
