import { type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { initialRounds } from '../../../coordinator/rounds/index.ts'
import { mayFetch } from '../../../coordinator/running/access.ts'
import { TINY_STUDY } from '../../support/mini-coordinator.ts'

const [TEACHER, NEWEST, EARLIER, FOREIGN] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64))
const records = { hasStudent: (sha256: string) => sha256 === EARLIER || sha256 === NEWEST }

function fetchable(momentum: 'site' | 'global' | 'frozen'): string[] {
  const study = studySchema.parse({
    ...TINY_STUDY,
    method: { name: 'moma', featureDim: 8, heads: 2, queueSize: 8 },
    teacher: { sha256: TEACHER ?? '', task: 'same', classes: 2, momentum },
  } satisfies StudyInput)
  const state = initialRounds(study, NEWEST ?? '')
  return [TEACHER, NEWEST, EARLIER, FOREIGN].flatMap((sha256) =>
    sha256 !== undefined && mayFetch(study, state, records, sha256) ? [sha256.slice(0, 1)] : [],
  )
}

describe('mayFetch()', () => {
  test('lets sites have the teacher and the newest student, and nothing else', () => {
    expect([fetchable('site'), fetchable('frozen')]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })
  test('lets them have every published student where the teacher is the mean of those', () => {
    expect(fetchable('global')).toEqual(['a', 'b', 'c'])
  })
})
