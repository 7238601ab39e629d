import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  backboneLayout,
  decodeModel,
  initialWeights,
  studentLayout,
  teacherLayout,
} from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { describe, expect, test } from 'vitest'
import { SITES, SMALL_STUDY, smallFederation } from '../support/federation.ts'

describe('a federation that learns feature maps', () => {
  test.each(['fitnet', 'simkd'] as const)('of %s publishes a student of its layout', async (name) => {
    const input = { ...SMALL_STUDY, method: { name } }
    const federation = await smallFederation(input)
    const coordinator = await federation.start()
    try {
      const outcomes = await Promise.all(SITES.map((site) => federation.agent(site, coordinator.url)))
      expect(outcomes.map(({ rounds, finished }) => [rounds, finished])).toEqual(SITES.map(() => [2, true]))
    } finally {
      await coordinator.close()
    }
    expect((await federation.result()).rounds).toBe(2)
    const study = studySchema.parse(input)
    const bytes = await readFile(join(federation.root, 'export', 'student.safetensors'))
    const student = decodeModel(bytes, studentLayout(study))
    const classifier = student.get('classifier.1.weight')
    const ofTeacher = initialWeights(teacherLayout(study), 'a teacher').get('classifier.1.weight')
    if (name === 'simkd') expect(classifier).toEqual(ofTeacher)
    else
      expect([...student.keys()]).toEqual(backboneLayout(study.student, 4).tensors.map((spec) => spec.name))
  })
})
