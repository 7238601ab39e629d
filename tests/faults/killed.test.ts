/**
 * @file SIGKILL at every step by which coordinator and agent make something durable, and the final student is the undisturbed one to the bit.
 * A few steps by default; all of them, some minutes, with `npm run faults`.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  federationAt,
  SITES,
  SMALL_STUDY,
  type SmallFederation,
  smallFederation,
} from '../support/federation.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { chosen, freePort, type Kill, type Lives, supervise } from './killed.ts'

/** Steps of each program by default. */
const FEW = 4
const ALL_MS = 3_600_000

interface Outcome extends Lives {
  readonly student: string
  readonly rounds: number
}
type Scenario = (federation: SmallFederation, kill: Kill) => Promise<Lives>

const coordinatorKilled: Scenario = async (federation, kill) => {
  const port = await freePort()
  const agents = Promise.all(SITES.map((site) => federation.agent(site, `http://127.0.0.1:${port}`)))
  const lives = await supervise(
    ['coordinator', 'start', '--dir', federation.dir, '--port', `${port}`],
    kill,
    agents,
  )
  expect((await agents).map(({ finished }) => finished)).toEqual(SITES.map(() => true))
  return lives
}

const agentKilled: Scenario = async (federation, kill) => {
  const coordinator = await federation.start()
  const [victim, ...others] = SITES
  const study = ['--study', SMALL_STUDY.id, '--data', federation.tilesDir(victim)]
  const [lives] = await Promise.all([
    supervise(
      ['site', 'start', '--dir', federation.siteDir(victim), '--coordinator', coordinator.url, ...study],
      kill,
    ),
    ...others.map((site) => federation.agent(site, coordinator.url)),
  ])
  await coordinator.close()
  return lives
}

async function outcomeOf(scenario: Scenario, { root }: SmallFederation, at: number): Promise<Outcome> {
  const folder = await temporaryFolder()
  await cp(root, join(folder, 'federation'), { recursive: true })
  const federation = federationAt(join(folder, 'federation'), SMALL_STUDY.id)
  const lives = await scenario(federation, { at, report: join(folder, 'report') })
  return { ...lives, ...(await federation.result()) }
}

test.each([
  ['a coordinator', coordinatorKilled, 20],
  ['an agent', agentKilled, 10],
] as const)(
  '%s that is killed at any durable step goes on by itself to the same student',
  async (_, scenario, least) => {
    const template = await smallFederation()
    const undisturbed = await outcomeOf(scenario, template, 0)
    const steps = Number.parseInt(undisturbed.report ?? '', 10)
    expect(steps).toBeGreaterThanOrEqual(least)
    for (const at of chosen(steps, FEW)) {
      const { student, rounds, count, report } = await outcomeOf(scenario, template, at)
      if (process.env.TESSERA_FAULTS === 'all')
        process.stderr.write(`${at} of ${steps}: ${report ?? 'fewer steps'}\n`)
      // The order of several sites' steps is not always the same: a life may end before its last step comes.
      expect({ student, rounds, count }, `killed at ${report}`).toEqual({
        student: undisturbed.student,
        rounds: undisturbed.rounds,
        count: report === null ? 1 : 2,
      })
    }
  },
  ALL_MS,
)
