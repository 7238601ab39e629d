/** @file The page as a whole: sign-in, or the frame with the view that the address names. */
import type { CoordinatorView } from '@tessera/shared/dashboard/coordinator-view'
import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { ConfirmDialog, type Question } from '../components/confirm-dialog.tsx'
import { NoticeList, type Notices } from '../components/notices.tsx'
import { Failed, Loading } from '../components/states.tsx'
import { type Store, useStore } from '../components/store.ts'
import type { Theme } from '../components/theme.ts'
import type { LiveView } from '../live/live-view.ts'
import { text } from '../text/en.ts'
import { type Desk, DeskContext } from './desk.ts'
import { Frame } from './frame.tsx'
import type { SignedState } from './session.ts'
import { SignIn } from './sign-in.tsx'

export interface PageProps {
  readonly signed: Store<SignedState>
  readonly connect: () => LiveView<CoordinatorView>
  readonly theme: Theme
  readonly notices: Notices
}

export function Page({ signed, connect, theme, notices }: PageProps): JSX.Element {
  const now = useStore(signed)
  // A short answer to whether the cookie still holds must not take away what is on the page.
  const session = now.state === 'in' ? now.session : null
  const role = session?.role ?? null
  const live = useMemo(() => (role === null ? null : connect()), [role])
  useEffect(() => () => live?.close(), [live])
  const [question, setQuestion] = useState<Question | null>(null)
  const desk = useMemo<Desk | null>(
    () => session && live && { live, session, theme, notices, ask: setQuestion },
    [session, live, theme, notices],
  )
  return (
    <>
      {desk !== null && (
        <DeskContext.Provider value={desk}>
          <Frame onSignedOut={() => signed.set({ state: 'out', oidc: desk.session.oidc, fault: null })} />
        </DeskContext.Provider>
      )}
      {desk === null && <Outside now={now} />}
      {question !== null && (
        <ConfirmDialog
          key={question.title}
          question={question}
          labels={text.dialog}
          onClose={() => setQuestion(null)}
        />
      )}
      <NoticeList notices={notices} closeLabel={text.common.close} />
    </>
  )
}

function Outside({ now }: { readonly now: SignedState }): JSX.Element {
  if (now.state === 'out') return <SignIn oidc={now.oidc} fault={now.fault} />
  if (now.state === 'unreachable') {
    return (
      <main>
        <Failed title={text.states.unreachable}>
          <p>{text.states.unreachableAdvice}</p>
        </Failed>
      </main>
    )
  }
  return (
    <main class="content">
      <Loading label={text.states.loading} />
    </main>
  )
}
