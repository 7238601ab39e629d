/** @file What is asked before each act: what will happen, and the verb of the command line that does the same. */
import type { Kit } from '@tessera/shared/dashboard/coordinator-api'
import type { SiteRow, StudyRow } from '@tessera/shared/dashboard/coordinator-view'
import type { Question } from '../components/confirm-dialog.tsx'
import type { Notices } from '../components/notices.tsx'
import { text } from '../text/en.ts'
import { api, type StudyAct } from './api.ts'
import { saveText } from './save.ts'

interface Telling {
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
    // What cannot be taken back is not done by a slip of the hand.
    ...(danger && { input: typedName(study.study) }),
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
    input: {
      label: texts.label,
      hint: texts.hint,
      fault: (typed) => (sameFingerprint(typed, fingerprint) ? null : texts.differs(site)),
    },
    act: async (typed) => {
      await api.approve(site, typed)
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
    input: typedName(site),
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

/** @param site Null: a new one, whose name is typed. */
export function inviteQuestion(site: string | null, { notices }: Telling): Question {
  const texts = text.acts.invite
  return {
    title: site === null ? texts.titleNew : texts.title(site),
    consequences: texts.consequences,
    command: `tessera coordinator invite ${site ?? texts.placeholder} --out ${site ?? texts.placeholder}-kit.json`,
    confirm: texts.confirm,
    ...(site === null && {
      input: {
        label: texts.label,
        hint: texts.hint,
        fault: (typed) => (SITE_NAME.test(typed.trim()) ? null : texts.hint),
      },
    }),
    act: async (typed) => {
      const name = site ?? typed.trim()
      const { file, kit }: Kit = await api.invite(name, {})
      saveText(file, kit)
      notices.tell('ok', texts.done(name))
    },
  }
}

/** As shared/protocol/names.ts has it. */
const SITE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/

function typedName(name: string): NonNullable<Question['input']> {
  const { label, differs } = text.acts.typed
  return { label: label(name), fault: (typed) => (typed.trim() === name ? null : differs(name)) }
}

/** Blanks and case do not matter, as at the command line. */
function sameFingerprint(typed: string, fingerprint: string | null): boolean {
  const plain = (print: string): string => print.replaceAll(/\s/g, '').toLowerCase()
  return fingerprint !== null && plain(typed) === plain(fingerprint)
}
