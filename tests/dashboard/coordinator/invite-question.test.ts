import { describe, expect, test } from 'vitest'
import type { Answers, QuestionField } from '../../../dashboard/components/question.ts'
import { inviteQuestion } from '../../../dashboard/coordinator/invite-question.ts'

const notices = { store: undefined as never, tell: () => undefined, close: () => undefined }
const fresh = inviteQuestion(null, { notices })
const commandFor = (answers: Answers): string =>
  typeof fresh.command === 'string' ? fresh.command : fresh.command(answers)
const fieldCalled = (name: string): QuestionField => {
  const field = fresh.fields?.find((each) => each.name === name)
  if (field === undefined) throw new Error(`internal: question must have the field ${name}`)
  return field
}

describe('inviteQuestion()', () => {
  test('says the command with what is typed so far', () => {
    expect(commandFor({ site: '', days: '7' })).toBe('tessera coordinator invite SITE --out SITE-kit.json')
    expect(commandFor({ site: ' east ', days: '30', auto: 'yes' })).toBe(
      'tessera coordinator invite east --out east-kit.json --days 30 --auto-approve',
    )
  })
  test.each(['0', '367', '1.5', '', 'x'])('%o days are none that a kit can have', (days) => {
    expect(fieldCalled('days').fault?.(days)).toBe('must be a whole number from 1 to 366')
  })
  test('takes the days that the coordinator takes', () => {
    expect(['1', '7', '366'].map((days) => fieldCalled('days').fault?.(days))).toEqual([null, null, null])
  })
  test('warns of a kit that needs no approval', () => {
    expect(fieldCalled('auto').warning).toMatch('Nobody compares a fingerprint then')
  })
  test('a site that is known is not asked for', () => {
    expect(inviteQuestion('east', { notices }).fields?.map(({ name }) => name)).toEqual(['days', 'auto'])
  })
})
