import { describe, expect, test } from 'vitest'
import { alignTo } from '../../../dashboard/coordinator/align.ts'
import { overallShare, partsOf } from '../../../dashboard/coordinator/study-progress.ts'
import { studyRow } from '../../support/coordinator-view.ts'

describe('how far a study is', () => {
  test('counts the running round by its training', () => {
    expect(overallShare(studyRow({ published: 6, rounds: 20, progress: 0.5 }))).toBeCloseTo(6.5 / 20, 12)
  })
  test('does not count what ran in a round that is over', () => {
    expect(overallShare(studyRow({ phase: 'stopped', published: 6, rounds: 20, progress: 0.5 }))).toBe(0.3)
  })
  test('is all of it when it has finished early', () => {
    expect(overallShare(studyRow({ phase: 'finished', published: 12, rounds: 20 }))).toBe(1)
  })
  test('sites at work, delivered and missing are all that it was offered to', () => {
    const counts = {
      idle: 3,
      offered: 1,
      fetching: 1,
      training: 2,
      uploading: 1,
      accepted: 4,
      late: 1,
      declined: 1,
      missed: 1,
    }
    expect(partsOf({ counts })).toEqual({ accepted: 4, working: 5, absent: 2, offered: 11 })
  })
})

test('alignTo() puts values beside the rounds that they are of', () => {
  expect(alignTo([1, 2, 3, 4], [2, 4], [0.5, null])).toEqual([null, 0.5, null, null])
})
