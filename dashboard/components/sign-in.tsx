/** @file What somebody sees who is not signed in: how to get in. There is no password to type. */
import type { JSX } from 'preact'
import { Message } from './states.tsx'

export interface SignInTexts {
  readonly title: string
  readonly linkRefused: string
  /** Absent: this page has no other way in. */
  readonly oidc?: string
  readonly how: string
  /** What writes a link. */
  readonly command: string
  readonly once: string
}

export interface SignInProps {
  /** The consortium has a sign-in of its own. */
  readonly oidc: boolean
  readonly fault: string | null
  readonly texts: SignInTexts
}

export function SignIn({ oidc, fault, texts }: SignInProps): JSX.Element {
  return (
    <main class="sign-in">
      <div class="panel panel-body stack">
        <h1>{texts.title}</h1>
        {fault !== null && (
          <Message tone="alarm">
            {texts.linkRefused} {fault}
          </Message>
        )}
        {oidc && texts.oidc && (
          <a class="button button--primary" href="sign-in">
            {texts.oidc}
          </a>
        )}
        <p>{texts.how}</p>
        <div class="command">
          <code>{texts.command}</code>
        </div>
        <p class="soft">{texts.once}</p>
      </div>
    </main>
  )
}
