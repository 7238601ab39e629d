/** @file What is asked before each act: what will happen, and the verb of the command line that does the same. */
import type { Leaving, SignedPolicy } from '@tessera/shared/dashboard/site-api'
import type { Notices } from '../components/notices.tsx'
import { type Question, typedName } from '../components/question.ts'
import { text } from '../text/site.ts'
import { api } from './api.ts'
import { LeavingList } from './leaving-list.tsx'

interface Telling {
  readonly notices: Notices
}

export function pauseQuestion(isPaused: boolean, { notices }: Telling): Question {
  const { title, consequences, confirm, done } = isPaused ? text.acts.resume : text.acts.pause
  return {
    title,
    consequences,
    command: `tessera site ${isPaused ? 'resume' : 'pause'}`,
    confirm,
    act: async () => {
      await (isPaused ? api.resume() : api.pause())
      notices.tell('ok', done)
    },
  }
}

export function leaveQuestion(study: string, { notices }: Telling): Question {
  const { title, consequences, confirm, label, differs, done } = text.acts.leave
  return {
    title: title(study),
    consequences,
    command: `tessera site leave --study ${study}`,
    confirm,
    danger: true,
    fields: [typedName(study, label(study), differs(study))],
    act: async () => {
      await api.leave(study)
      notices.tell('ok', done(study))
    },
  }
}

/** Shows what would leave, to the tensor. */
export function approveQuestion(leaving: Leaving, { notices }: Telling): Question {
  const { title, consequences, confirm, done } = text.acts.approve
  const { study, round, payload } = leaving
  return {
    title: title(round),
    consequences,
    command: `tessera site approve ${round} --study ${study}`,
    confirm,
    children: <LeavingList leaving={leaving} />,
    act: async () => {
      await api.approve({ round, payload })
      notices.tell('ok', done(round))
    },
  }
}

export function verifyQuestion({ notices }: Telling): Question {
  const { title, consequences, confirm, done } = text.acts.verify
  return {
    title,
    consequences,
    command: 'tessera site audit',
    confirm,
    act: async () => {
      await api.verify()
      notices.tell('ok', done)
    },
  }
}

/** @param onSigned Told the new policy's SHA-256. */
export function signQuestion(
  toSign: { readonly text: string; readonly previous: string },
  { notices }: Telling,
  onSigned: (signed: SignedPolicy) => void,
): Question {
  const { title, consequences, confirm, done } = text.acts.sign
  return {
    title,
    consequences,
    command: 'tessera site policy sign',
    confirm,
    act: async () => {
      onSigned(await api.signPolicy(toSign))
      notices.tell('ok', done)
    },
  }
}
