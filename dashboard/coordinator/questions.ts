/** @file What is asked before each act: what will happen, and the verb of the command line that does the same. */
import type { SiteRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { Notices } from '../components/notices.tsx'
import { type Question, type QuestionField, typedName } from '../components/question.ts'
import { text } from '../text/en.ts'
import { api, type StudyAct } from './api.ts'

export interface Telling {
  readonly notices: Notices
}

/** Verbs of `tessera coordinator study` of the same names. */
export function studyQuestion(study: Pick<StudyRow, 'study'>, act: StudyAct, { notices }: Telling): Question {
  const { title, consequences, confirm, done, danger } = text.acts.study[act]
  const command =
    act === 'verify'
      ? `tessera ledger verify coordinator-data --study ${study.study}`
      : `tessera coordinator study ${act} ${study.study}`
  return {
    title: title(study.study),
    consequences,
    command,
    confirm,
    danger,
    act: async () => {
      await api.actOnStudy(study.study, act)
      notices.tell('ok', done(study.study))
    },
    ...(danger && { fields: [ownName(study.study)] }),
  }
}

export function approveQuestion({ site, fingerprint }: SiteRow, { notices }: Telling): Question {
  const texts = text.acts.approve
  return {
    title: texts.title(site),
    consequences: texts.consequences(site),
    // Not the fingerprint itself: who can copy it does not call.
    command: `tessera coordinator approve ${site} --fingerprint '${texts.heard}'`,
    confirm: texts.confirm,
    fields: [
      {
        name: 'heard',
        label: texts.label,
        hint: texts.hint,
        fault: (heard) => (sameFingerprint(heard, fingerprint) ? null : texts.differs(site)),
      },
    ],
    act: async ({ heard = '' }) => {
      await api.approve(site, heard)
      notices.tell('ok', texts.done(site))
    },
  }
}

export function revokeQuestion(site: string, { notices }: Telling): Question {
  const texts = text.acts.revoke
  return {
    title: texts.title(site),
    consequences: texts.consequences,
    command: `tessera coordinator site revoke ${site}`,
    confirm: texts.confirm,
    danger: true,
    fields: [ownName(site)],
    act: async () => {
      await api.revoke(site)
      notices.tell('ok', texts.done(site))
    },
  }
}

export function withdrawQuestion(site: string, { notices }: Telling): Question {
  const texts = text.acts.withdraw
  return {
    title: texts.title(site),
    consequences: texts.consequences,
    command: `tessera coordinator site withdraw ${site}`,
    confirm: texts.confirm,
    act: async () => {
      await api.withdraw(site)
      notices.tell('ok', texts.done(site))
    },
  }
}

function ownName(name: string): QuestionField {
  const { label, differs } = text.acts.typed
  return typedName(name, label(name), differs(name))
}

/** Blanks and case do not matter, as at the command line. */
function sameFingerprint(typed: string, fingerprint: string | null): boolean {
  const plain = (print: string): string => print.replaceAll(/\s/g, '').toLowerCase()
  return fingerprint !== null && plain(typed) === plain(fingerprint)
}
