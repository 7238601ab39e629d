/** @file The page as a whole: how to sign in, or the frame with the view that the address names. */
import type { JSX } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { ConfirmDialog, type Question } from '../components/confirm-dialog.tsx'
import { NoticeList, type Notices } from '../components/notices.tsx'
import { Failed, Loading, Message } from '../components/states.tsx'
import { type Store, useStore } from '../components/store.ts'
import type { Theme } from '../components/theme.ts'
import { text } from '../text/site.ts'
import { type Desk, DeskContext } from './desk.ts'
import type { SiteLive } from './follow-events.ts'
import { Frame } from './frame.tsx'
import type { SignedState } from './session.ts'

export interface PageProps {
  readonly signed: Store<SignedState>
  readonly connect: () => SiteLive
  readonly theme: Theme
  readonly notices: Notices
}

export function Page({ signed, connect, theme, notices }: PageProps): JSX.Element {
  const now = useStore(signed)
  const [wasIn, setWasIn] = useState(false)
  useEffect(() => {
    if (now.state === 'in') setWasIn(true)
    if (now.state === 'out') setWasIn(false)
  }, [now])
  // An agent that is gone must not take away what was on the page.
  const isIn = now.state === 'in' || (wasIn && now.state === 'unreachable')
  const live = useMemo(() => (isIn ? connect() : null), [isIn])
  useEffect(() => () => live?.close(), [live])
  const [question, setQuestion] = useState<Question | null>(null)
  const desk = useMemo<Desk | null>(
    () => live && { live, theme, notices, ask: setQuestion },
    [live, theme, notices],
  )
  return (
    <>
      {desk === null ? (
        <Outside now={now} />
      ) : (
        <DeskContext.Provider value={desk}>
          <Frame onSignedOut={() => signed.set({ state: 'out', fault: null })} />
        </DeskContext.Provider>
      )}
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
  if (now.state === 'out') return <SignIn fault={now.fault} />
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

function SignIn({ fault }: { readonly fault: string | null }): JSX.Element {
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
        <p>{texts.how}</p>
        <div class="command">
          <code>tessera site dashboard</code>
        </div>
        <p class="soft">{texts.once}</p>
      </div>
    </main>
  )
}
