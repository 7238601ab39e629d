/** @file Asks for what an enrolment kit is to be, and gives its file. */
import type { Kit } from '@tessera/shared/dashboard/coordinator-api'
import { type Answers, type Question, type QuestionField, SET } from '../components/question.ts'
import { text } from '../text/en.ts'
import { api } from './api.ts'
import type { Telling } from './questions.ts'
import { saveText } from './save.ts'

/** As shared/protocol/names.ts has it. */
const SITE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/
/** As `tessera coordinator invite` has it. */
const DEFAULT_DAYS = '7'
/** As coordinator/dashboard/acts-on-sites.ts has it. */
const MOST_DAYS = 366

/** @param site Null: a new one, whose name is typed. */
export function inviteQuestion(site: string | null, { notices }: Telling): Question {
  const texts = text.acts.invite
  const nameIn = ({ site: typed = '' }: Answers): string => site ?? typed.trim()
  return {
    title: site === null ? texts.titleNew : texts.title(site),
    consequences: texts.consequences,
    command: (answers) => inviteCommand(nameIn(answers) || texts.placeholder, answers),
    confirm: texts.confirm,
    fields: [...(site === null ? [NAME_FIELD] : []), DAYS_FIELD, AUTO_FIELD],
    act: async (answers) => {
      const name = nameIn(answers)
      const { file, kit }: Kit = await api.invite(name, {
        days: Number(answers.days),
        autoApprove: answers.auto === SET,
      })
      saveText(file, kit)
      notices.tell('ok', texts.done(name))
    },
  }
}

function inviteCommand(name: string, { days = DEFAULT_DAYS, auto }: Answers): string {
  const lasts = days === DEFAULT_DAYS ? '' : ` --days ${days}`
  return `tessera coordinator invite ${name} --out ${name}-kit.json${lasts}${auto === SET ? ' --auto-approve' : ''}`
}

const texts = text.acts.invite
const NAME_FIELD: QuestionField = {
  name: 'site',
  label: texts.label,
  hint: texts.hint,
  fault: (typed) => (SITE_NAME.test(typed.trim()) ? null : texts.hint),
}
const DAYS_FIELD: QuestionField = {
  name: 'days',
  kind: 'number',
  label: texts.days,
  initial: DEFAULT_DAYS,
  fault: (typed) => {
    const days = Number(typed)
    return Number.isInteger(days) && days >= 1 && days <= MOST_DAYS ? null : texts.daysFault(MOST_DAYS)
  },
}
const AUTO_FIELD: QuestionField = {
  name: 'auto',
  kind: 'flag',
  label: texts.autoApprove,
  warning: texts.autoApproveWarning,
}
