import type { StudyInput } from '@tessera/shared/protocol'
import { GRADES } from '@tessera/simulations'
import { afterEach, describe, expect, test } from 'vitest'
import { SITES, SMALL_STUDY, smallFederation } from '../support/federation.ts'

const ANOTHER_TASK = {
  ...SMALL_STUDY.teacher,
  task: 'different',
  classes: GRADES.length + 4,
} as StudyInput['teacher']

const STUDIES: readonly [string, Partial<StudyInput>][] = [
  ['MoMA from a teacher of another task, with other classes', { teacher: ANOTHER_TASK }],
  [
    'MoMA without attention and without a queue',
    { method: { name: 'moma', featureDim: 16, attention: 'none', negatives: 'batch' } },
  ],
  ['SP', { method: { name: 'sp' } }],
  ['RKD from a teacher of another task', { method: { name: 'rkd' }, teacher: ANOTHER_TASK }],
  [
    'CRD with MOON’s local term',
    {
      method: { name: 'crd', featureDim: 16 },
      federation: { ...SMALL_STUDY.federation, strategy: { name: 'moon' } },
    },
  ],
]

let end: () => Promise<void> = async () => undefined
afterEach(() => end())

describe('a federation', () => {
  test.each(STUDIES)(
    'trains to its end: %s',
    async (_, changes) => {
      const federation = await smallFederation({ ...SMALL_STUDY, ...changes })
      const coordinator = await federation.start()
      end = () => coordinator.close()
      const outcomes = await Promise.all(SITES.map((site) => federation.agent(site, coordinator.url)))
      expect(outcomes).toEqual(SITES.map(() => ({ rounds: 2, finished: true })))
      expect((await federation.result()).rounds).toBe(2)
    },
    300_000,
  )
})
