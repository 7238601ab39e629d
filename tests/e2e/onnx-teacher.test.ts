import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeOnnx } from '@tessera/shared/model/export'
import { GRADES } from '@tessera/simulations'
import { describe, expect, test } from 'vitest'
import { SITES, SMALL_STUDY, smallFederation } from '../support/federation.ts'
import { classifierModel } from '../support/onnx-models.ts'

describe('a federation with an ONNX teacher', () => {
  test('trains to the end, and each site keeps the features of its own tiles', async () => {
    const teacher = encodeOnnx(classifierModel({}, 6, GRADES.length))
    const study = { ...SMALL_STUDY, training: { ...SMALL_STUDY.training, augment: 'none' } } as const
    const federation = await smallFederation(study, teacher)
    const coordinator = await federation.start()
    try {
      const outcomes = await Promise.all(SITES.map((site) => federation.agent(site, coordinator.url)))
      expect(outcomes.map(({ rounds, finished }) => [rounds, finished])).toEqual(SITES.map(() => [2, true]))
    } finally {
      await coordinator.close()
    }
    expect((await federation.result()).rounds).toBe(2)
    const tiles = 3 * GRADES.length
    for (const site of SITES) {
      const dir = join(federation.siteDir(site), 'features')
      const [file = ''] = await readdir(dir)
      // Key, six features and the logits, digest; once a tile, though each was seen in two rounds.
      expect((await stat(join(dir, file))).size).toBe(tiles * (32 + 4 * (6 + GRADES.length) + 32))
    }
  }, 300_000)
})
