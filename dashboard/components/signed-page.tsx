/** @file A page as a whole: how to sign in, or what is inside, with the dialog and the notices over both. */
import type { ComponentChildren, Context, JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Signed, SignedState } from '../live/session.ts'
import { ConfirmDialog } from './confirm-dialog.tsx'
import type { Desk } from './desk.ts'
import { NoticeList, type Notices } from './notices.tsx'
import type { Question } from './question.ts'
import { SignIn, type SignInTexts } from './sign-in.tsx'
import { Failed, Loading } from './states.tsx'
import { useStore } from './store.ts'
import type { Theme } from './theme.ts'

export interface PageTexts {
  readonly dialog: { readonly cancel: string; readonly command: string; readonly busy: string }
  readonly common: { readonly close: string }
  readonly states: {
    readonly loading: string
    readonly unreachable: string
    readonly unreachableAdvice: string
  }
  readonly signIn: SignInTexts
}

export interface SignedPageProps<Live, Session> {
  readonly signed: Signed<Session>
  readonly connect: () => Live
  readonly theme: Theme
  readonly notices: Notices
  readonly texts: PageTexts
  readonly context: Context<Desk<Live, Session> | null>
  /** What they see who are signed in. */
  readonly children: ComponentChildren
}

export function SignedPage<Live extends { close(): void }, Session>(
  props: SignedPageProps<Live, Session>,
): JSX.Element {
  const { signed, connect, theme, notices, texts, context, children } = props
  const now = useStore(signed.state)
  const session = now.state === 'in' ? now.session : null
  const live = useMemo(() => (session === null ? null : connect()), [session])
  useEffect(() => () => live?.close(), [live])
  const [question, setQuestion] = useState<Question | null>(null)
  const desk = useMemo(
    () => session && live && { live, session, theme, notices, ask: setQuestion },
    [session, live, theme, notices],
  )
  return (
    <>
      {desk === null ? (
        <Outside now={now} texts={texts} />
      ) : (
        <context.Provider value={desk}>{children}</context.Provider>
      )}
      {question !== null && (
        <ConfirmDialog
          key={question.title}
          question={question}
          labels={texts.dialog}
          onClose={() => setQuestion(null)}
        />
      )}
      <NoticeList notices={notices} closeLabel={texts.common.close} />
    </>
  )
}

interface OutsideProps {
  readonly now: SignedState<unknown>
  readonly texts: PageTexts
}

function Outside({ now, texts: { states, signIn } }: OutsideProps): JSX.Element {
  if (now.state === 'out') return <SignIn oidc={now.oidc} fault={now.fault} texts={signIn} />
  if (now.state === 'unreachable') {
    return (
      <main>
        <Failed title={states.unreachable}>
          <p>{states.unreachableAdvice}</p>
        </Failed>
      </main>
    )
  }
  return (
    <main class="content">
      <Loading label={states.loading} />
    </main>
  )
}
