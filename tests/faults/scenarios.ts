/** @file A whole small federation of which one program is killed at a durable step: it goes on by itself, to the student of an undisturbed run. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { reportStudy } from '@tessera/coordinator/studies'
import { expect } from 'vitest'
import {
  federationAt,
  SITES,
  SMALL_STUDY,
  type SmallFederation,
  smallFederation,
} from '../support/federation.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { chosen, type Kill, type Lives, supervise } from './killed.ts'

/** Of all points: an hour, three on a busy machine. */
export const ALL_MS = 3 * 3_600_000

/** A deadline that no machine is too busy for: whom a round waits for must not hang on how fast a killed program is there again. */
const PATIENT_STUDY = { ...SMALL_STUDY, federation: { ...SMALL_STUDY.federation, deadlineMs: ALL_MS } }

interface Outcome extends Lives {
  readonly student: string
  /** Sites whose updates count, by round. */
  readonly contributors: readonly (readonly string[])[]
}
export type Scenario = (federation: SmallFederation, kill: Kill) => Promise<Lives>

export const coordinatorKilled: Scenario = async (federation, kill) => {
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

export const agentKilled: Scenario = async (federation, kill) => {
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

export interface KilledOptions {
  /** Durable steps that a run must have at least. */
  readonly least: number
  /** Points to try, unless TESSERA_FAULTS says otherwise. */
  readonly few: number
  /** Connection string of an empty database for the coordinator's events; absent: they are in a file. */
  readonly database?: () => Promise<string>
}

/** Kills at the chosen points, one run each; every run must end like one that nothing happens to. */
export async function expectUnmoved(scenario: Scenario, options: KilledOptions): Promise<void> {
  const { least, few, database } = options
  const template = await smallFederation(PATIENT_STUDY)
  const undisturbed = await outcomeOf(scenario, template, 0, database)
  const steps = Number.parseInt(undisturbed.report ?? '', 10)
  expect(steps).toBeGreaterThanOrEqual(least)
  for (const at of chosen(steps, few)) {
    const { student, contributors, count, report } = await outcomeOf(scenario, template, at, database)
    if (process.env.TESSERA_FAULTS !== undefined)
      process.stderr.write(`${at} of ${steps}: ${report ?? 'fewer steps'}\n`)
    // The order of several sites' steps is not always the same: a life may end before its last step comes.
    expect({ contributors, student, count }, `killed at ${report}`).toEqual({
      contributors: [SITES, SITES],
      student: undisturbed.student,
      count: report === null ? 1 : 2,
    })
  }
}

async function outcomeOf(
  scenario: Scenario,
  { root }: SmallFederation,
  at: number,
  database: KilledOptions['database'],
): Promise<Outcome> {
  const folder = await temporaryFolder()
  await cp(root, join(folder, 'federation'), { recursive: true })
  const federation = federationAt(join(folder, 'federation'), SMALL_STUDY.id)
  if (database !== undefined) await moveEvents(federation.dir, await database())
  const lives = await scenario(federation, { at, report: join(folder, 'report') })
  const { student } = await federation.result()
  const { rounds } = await reportStudy({ dir: federation.dir, study: SMALL_STUDY.id })
  const contributors = rounds
    .filter(({ outcome }) => outcome === 'publish')
    .map(({ sites }) => sites.flatMap(({ site, part }) => (part === 'contributed' ? [site] : [])))
  return { ...lives, student, contributors }
}

/** The coordinator takes its events over into the database when it starts next: that is killed too. */
async function moveEvents(dir: string, store: string): Promise<void> {
  const file = join(dir, 'coordinator.json')
  const settings = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...settings, store }))
}
