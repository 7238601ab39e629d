import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Coordinator, exportStudy } from '@tessera/coordinator'
import { reportStudy } from '@tessera/coordinator/studies'
import { systemClock } from '@tessera/shared/clock'
import { decodeModel, initialStudent, studentLayout, type Weights } from '@tessera/shared/model'
import { type StudyInput, study as studySchema } from '@tessera/shared/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { type FakeClock, fakeClock } from '../support/fake-clock.ts'
import { type SmallFederation, smallFederation } from '../support/federation.ts'
import { verifiedRounds } from '../support/ledger.ts'
import { UNTAUGHT_STUDY, type WatchedAgent, watchedAgent } from '../support/watched-agent.ts'

const GRACE_MS = 1000
/** Of each site. */
const TILES = 12
/** Each site adds 0.001 to every weight in its first round, 0.002 in its second, and so on. */
const study = (late: NonNullable<StudyInput['federation']>['late']): StudyInput => ({
  ...UNTAUGHT_STUDY,
  federation: { minSites: 3, quorum: 2, graceMs: GRACE_MS, deadlineMs: 60_000, late },
})

/** The grace of the open round is over as soon as two updates are there. */
async function endRound(coordinator: Coordinator, clock: FakeClock): Promise<void> {
  await expect.poll(() => coordinator.progress()[0]?.accepted).toBe(2)
  clock.advance(GRACE_MS)
}

async function studentOf({ dir, root }: SmallFederation, input: StudyInput, round: number): Promise<Weights> {
  const out = join(root, `export-${round}`)
  await exportStudy({ dir, study: input.id, out, round })
  return decodeModel(
    await readFile(join(out, 'student.safetensors')),
    studentLayout(studySchema.parse(input)),
  )
}

/** How far a weight has moved. */
function moved(from: Weights, to: Weights): number {
  const name = [...from.keys()].find((one) => one.endsWith('weight')) ?? ''
  return (to.get(name)?.[0] ?? Number.NaN) - (from.get(name)?.[0] ?? Number.NaN)
}

/** Runs a study to its end whose first round is published while West still holds it. `hold` holds the others. */
async function overtaken(
  input: StudyInput,
  hold: (west: WatchedAgent, round: number) => Promise<void> | undefined = () => undefined,
) {
  const federation = await smallFederation(input)
  const clock = fakeClock(systemClock.now())
  const coordinator = await federation.start({ clock })
  onTestFinished(() => coordinator.close())
  const { url } = coordinator
  const west: WatchedAgent = watchedAgent(federation, 'west', url, (round) =>
    round === 1 ? west.told('published', 1) : undefined,
  )
  const others = (['north', 'south'] as const).map((site) =>
    watchedAgent(federation, site, url, (round) => hold(west, round)),
  )
  await endRound(coordinator, clock)
  const outcomes = await Promise.all([...others, west].map(({ outcome }) => outcome))
  await coordinator.ended
  expect(outcomes).toEqual([
    { rounds: 3, finished: true },
    { rounds: 3, finished: true },
    { rounds: 2, finished: true },
  ])
  return { federation, west }
}

test('a site that is overtaken delivers what it trains; it counts in the next round with n/√2, and the ledger is whole', async () => {
  const input = study({ maxStaleness: 1 })
  // The others hold their second round until West has delivered its first.
  const { federation, west } = await overtaken(input, (late, round) =>
    round === 2 ? late.told('delivered', 1) : undefined,
  )
  expect(west.rounds).toEqual([1, 3])
  expect(west.log.map(({ event }) => event)).not.toContain('record.disputed')

  const report = await reportStudy({ dir: federation.dir, study: input.id })
  const parts = report.rounds.map(({ sites }) => sites.find(({ site }) => site === 'west'))
  expect(parts[0]).toMatchObject({ part: 'absent', code: 'ERR_ROUND_CLOSED' })
  expect(parts[1]).toMatchObject({ part: 'contributed', samples: TILES, staleness: 1 })
  expect(parts[2]).toMatchObject({ part: 'contributed', staleness: 0 })

  const [first, second] = [await studentOf(federation, input, 1), await studentOf(federation, input, 2)]
  const initial = initialStudent(studySchema.parse(input), null)
  const lateWeight = TILES / Math.sqrt(1 + 1)
  // Float32 weights of about 0.1 are rounded by 4e-9; a full weight, or none, would be off by more than 4e-5.
  expect(moved(initial, first)).toBeCloseTo(0.001, 7)
  expect(moved(first, second)).toBeCloseTo(
    (2 * TILES * 0.002 + lateWeight * 0.001) / (2 * TILES + lateWeight),
    7,
  )

  expect(await verifiedRounds(federation.dir, input.id)).toBe(3)
})

test('where late updates are refused the site is told so in a sentence, trains on, and the ledger is whole', async () => {
  const input = study('refuse')
  const { federation, west } = await overtaken(input)
  expect(west.rounds).toEqual([1, 2, 3])
  expect(west.log.find(({ event }) => event === 'round.missed')).toMatchObject({
    round: 1,
    code: 'ERR_ROUND_CLOSED',
    reason: 'round 1 must be open, got its published record',
  })
  expect(west.events).toContainEqual({ kind: 'declined', round: 1, code: 'ERR_ROUND_CLOSED' })

  const report = await reportStudy({ dir: federation.dir, study: input.id })
  const parts = report.rounds.map(({ sites }) => sites.find(({ site }) => site === 'west')?.part)
  expect(parts).toEqual(['absent', 'contributed', 'contributed'])
  expect(await verifiedRounds(federation.dir, input.id)).toBe(3)
})
