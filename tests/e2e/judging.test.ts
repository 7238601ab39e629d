import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { studyMetrics } from '@tessera/coordinator/studies'
import { startEngine } from '@tessera/shared/engine'
import { decodeModel, studentArchitecture, studentLayout } from '@tessera/shared/model'
import { study as studySchema } from '@tessera/shared/protocol'
import { openTiles } from '@tessera/site-agent/data'
import { evaluate } from '@tessera/site-agent/distill'
import { expect, test } from 'vitest'
import {
  dividedDir,
  drawDividedTiles,
  HELD_OUT,
  SITES,
  SMALL_STUDY,
  type SmallFederation,
  smallFederation,
} from '../support/federation.ts'
import { verifiedRounds } from '../support/ledger.ts'

/** North and south have tiles that they do not train on; all of west's are trained on. */
const DIVIDED = ['north', 'south'] as const

/** Runs a study that judges to its end, over real sockets, with the policy that enrolment writes. */
async function judgedStudy(training: object): Promise<SmallFederation> {
  const federation = await smallFederation({
    ...SMALL_STUDY,
    training: { ...SMALL_STUDY.training, ...training },
    judging: {},
  })
  for (const site of DIVIDED) await drawDividedTiles(federation, site)
  const coordinator = await federation.start()
  const outcomes = await Promise.all(
    SITES.map((site) => {
      const dataDir = site === 'west' ? federation.tilesDir(site) : dividedDir(federation.root, site)
      return federation.agent(site, coordinator.url, { dataDir })
    }),
  )
  await coordinator.ended
  await coordinator.close()
  expect(outcomes.every(({ finished }) => finished)).toBe(true)
  return federation
}

test('three agents judge each student on their own tiles, or say that they have none', async () => {
  const federation = await judgedStudy({})
  const { dir } = federation
  const { rounds, best, last } = await studyMetrics({ dir, study: 'small' })
  expect(
    rounds.map(({ round, sites }) => [round, sites.map(({ site, withheld }) => [site, withheld])]),
  ).toEqual(
    [1, 2].map((round) => [
      round,
      [
        ['north', null],
        ['south', null],
        ['west', 'no-tiles'],
      ],
    ]),
  )
  // Counted again here, on the last student's file.
  await startEngine()
  const study = studySchema.parse(SMALL_STUDY)
  const { classes } = study
  const file = join(dir, 'models', `${last.student}.safetensors`)
  for (const site of DIVIDED) {
    const tiles = await openTiles({
      dir: dividedDir(federation.root, site),
      classes,
      sizePx: 32,
      part: 'val',
    })
    const { matrix } = await evaluate({
      architecture: studentArchitecture(study),
      classes: classes.length,
      weights: decodeModel(await readFile(file), studentLayout(study)),
      tiles,
      batchSize: 8,
    })
    const said = rounds.at(-1)?.sites.find((verdict) => verdict.site === site)
    expect(said?.counted?.counts).toEqual(matrix)
  }
  expect(rounds[0]?.pooled?.tiles).toBe(2 * HELD_OUT * classes.length)
  expect([1, 2]).toContain(best?.round)
  expect(await verifiedRounds(dir, 'small')).toBe(2)
}, 300_000)

test('a study whose students get no better stops early, at the same student each time', async () => {
  // Nothing is better by more than everything: one judging after the first ends it, in the round after.
  const training = { rounds: 30, earlyStopping: { patience: 1, minDelta: 1 } }
  const [first, second] = [await judgedStudy(training), await judgedStudy(training)]
  const found = await studyMetrics({ dir: first.dir, study: 'small' })
  expect(found).toMatchObject({ phase: 'finished', stoppedEarly: true, last: { round: 3 } })
  expect(found.rounds.map(({ round }) => round)).toEqual([1, 2, 3])
  expect(await verifiedRounds(first.dir, 'small')).toBe(3)
  expect(await studyMetrics({ dir: second.dir, study: 'small' })).toEqual(found)
}, 300_000)
