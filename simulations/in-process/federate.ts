/**
 * @file A whole federation in this process: the coordinator's and the agents' own code, keys, signatures, gate, audit and store. Sites take turns, so
 * that the models of a few are in memory at a time; what a site keeps between its rounds is on the disk.
 */
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createStudy,
  exportStudy,
  initCoordinator,
  invite,
  openCoordinator,
  startCoordinator,
} from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { startEngine } from '@tessera/shared/engine'
import { asTesseraError } from '@tessera/shared/errors'
import { exemptFromPowerCuts } from '@tessera/shared/files'
import { silentLog } from '@tessera/shared/log'
import type { Study } from '@tessera/shared/protocol'
import { fingerprint } from '@tessera/shared/security'
import {
  type AgentEvent,
  type Dial,
  dialOver,
  enroll,
  runAgent,
  type TrainerFactory,
  type Turn,
} from '@tessera/site-agent'
import { createTrainer } from '@tessera/site-agent/distill'
import type { Fault } from '../experiment/faults.ts'
import { byzantineTrainer } from './byzantine.ts'
import { faultyDial } from './faulty-dial.ts'
import { memoryDial } from './memory-link.ts'
import { createStepperPool, type StepperPool } from './stepper-pool.ts'
import { createTurns, trainInTurn } from './turns.ts'

export interface FederateOptions {
  /** Folder of the federation, made anew. */
  readonly root: string
  readonly study: Study
  readonly sites: readonly { readonly name: string; readonly dataDir: string }[]
  readonly transport: 'memory' | 'sockets'
  /** safetensors file of the study's teacher. */
  readonly teacher: string | null
  /** safetensors file that the student starts from, where the study says so. */
  readonly start?: string | null
  readonly faults: readonly Fault[]
  /** Default: production's, whose recorded steps one site after the other uses. */
  readonly createTrainer?: TrainerFactory
  readonly onEvent: (site: string, event: AgentEvent) => void
}

/** Where the coordinator is to be found; nobody dials it in memory. */
const NOWHERE = 'http://127.0.0.1:9'
/** Enrolments at once: each waits for the coordinator's disk most of the time. */
const ENROLLING = 8
/** Sites that are in a round at once, one a lane: while one trains, another delivers and a third fetches. More would hold more models and gain nothing. */
const LANES = 3

export interface Federated {
  /** Its file, as safetensors. */
  readonly student: string
  /** Of the whole, what was spent in training steps; 0 with trainers of another factory. */
  readonly stepSeconds: number
}

/**
 * Runs the study to its end.
 * @throws {TesseraError} What ends an agent or the study.
 */
export async function federate(options: FederateOptions): Promise<Federated> {
  // A power cut ends the simulation, and the next one begins with an empty folder: nothing in it need outlive this process.
  const secureAgain = exemptFromPowerCuts(options.root)
  try {
    return await federateFrom(options)
  } finally {
    secureAgain()
  }
}

async function federateFrom(options: FederateOptions): Promise<Federated> {
  const { root, study, sites, teacher, start = null } = options
  await rm(root, { recursive: true, force: true })
  const dir = join(root, 'coordinator')
  for (let lane = 0; lane < LANES; lane++) await mkdir(cacheOf(root, lane), { recursive: true, mode: 0o700 })
  await initCoordinator({ dir, port: 0 })
  const files = {
    ...(teacher !== null && { teacherFile: teacher }),
    ...(start !== null && { studentFile: start }),
  }
  await createStudy({ dir, study, ...files })
  const place = await open(dir, options.transport)
  const pool = createStepperPool()
  const stop = new AbortController()
  try {
    await enrollAll(options, dir, place, stop.signal)
    const train = trainInTurn(
      options.createTrainer ?? pooledTrainer((state, step) => pool.obtain(state, step)),
    )
    const turns = Array.from({ length: LANES }, () => createTurns(1))
    const agents = sites.map((site, i) =>
      runSite(options, site, i, { place, train, turn: turns[laneOf(i)] as Turn, signal: stop.signal }),
    )
    const outcome = Promise.all(agents)
    await Promise.race([outcome, rejection(place.ended)])
    await outcome
  } finally {
    stop.abort()
    await place.close()
    pool.dispose()
  }
  const { files: exported } = await exportStudy({ dir, study: study.id, out: join(root, 'export') })
  return { student: exported[0] ?? '', stepSeconds: pool.stepMs() / 1000 }
}

interface Place {
  readonly url: string
  readonly dial: Dial
  readonly publicKey: string
  readonly ended: Promise<void>
  close(): Promise<void>
}

async function open(dir: string, transport: FederateOptions['transport']): Promise<Place> {
  if (transport === 'sockets') {
    const server = await startCoordinator({ dir, port: 0 })
    return { ...server, dial: dialOver() }
  }
  const coordinator = await openCoordinator({ dir })
  return { ...coordinator, url: NOWHERE, dial: memoryDial((socket) => coordinator.serve(socket)) }
}

/** Never fulfilled: a study that ends well ends its agents. */
const rejection = (ended: Promise<void>): Promise<never> =>
  ended.then(() => new Promise<never>(() => undefined))

const siteDir = (root: string, name: string): string => join(root, 'sites', name)
const laneOf = (site: number): number => site % LANES
const cacheOf = (root: string, lane: number): string => join(root, `cache-${lane}`)

async function enrollAll(
  { root, sites }: FederateOptions,
  coordinatorDir: string,
  { url, dial, publicKey }: Place,
  signal: AbortSignal,
): Promise<void> {
  const queue = sites.entries()
  const enrollNext = async (): Promise<void> => {
    for (const [i, site] of queue) {
      const dir = siteDir(root, site.name)
      await mkdir(dir, { recursive: true, mode: 0o700 })
      // One copy of each student for the sites of a lane: each looks at its hash, and one of them at a time has its turn.
      await symlink(cacheOf(join('..', '..'), laneOf(i)), join(dir, 'cache'))
      await writeFile(join(dir, 'policy.yaml'), policyOf(site.name, publicKey))
      const file = join(root, 'kits', `${site.name}.json`)
      await invite({ dir: coordinatorDir, site: site.name, url, file, autoApprove: true })
      await enroll({
        kitFile: file,
        dir,
        acceptPolicy: true,
        dial,
        signal,
        log: silentLog,
        clock: systemClock,
      })
    }
  }
  await Promise.all(Array.from({ length: ENROLLING }, enrollNext))
}

/** A policy that holds nothing back: no patient is behind these tiles, and a day's rounds are done in minutes. JSON is YAML. */
function policyOf(site: string, coordinatorKey: string): string {
  return JSON.stringify({
    version: 1,
    site,
    studies: 'any',
    coordinators: [fingerprint(coordinatorKey)],
    teachers: 'any',
    statisticsMayLeave: true,
    smallestSampleCount: 1,
    smallestClassCount: 1,
    largestUpload: { roundBytes: 1e9, dayBytes: 1e13 },
    normClip: 'none',
    timeZone: 'UTC',
    hours: 'always',
    approval: 'none',
    roundsPerDay: 100_000,
  })
}

function pooledTrainer(createStepper: StepperPool['obtain']): TrainerFactory {
  return async (options) => {
    await startEngine()
    return createTrainer({ ...options, createStepper })
  }
}

interface Around {
  readonly place: Place
  readonly train: TrainerFactory
  readonly turn: Turn
  readonly signal: AbortSignal
}

/** An agent's lives: one, and one more for each time that a fault kills it. */
async function runSite(
  { root, study, faults: all, onEvent }: FederateOptions,
  { name, dataDir }: FederateOptions['sites'][number],
  index: number,
  { place, train, turn, signal }: Around,
): Promise<void> {
  const faults = all.filter(({ sites }) => sites.includes(index))
  const dial = faultyDial(place.dial, faults)
  const killed = new Set<number>()
  const dies = (round: number): boolean => {
    if (killed.has(round) || !faults.some((fault) => fault.do === 'kill' && fault.rounds.includes(round)))
      return false
    killed.add(round)
    return true
  }
  for (;;) {
    const life = new AbortController()
    try {
      await runAgent({
        dir: siteDir(root, name),
        dataDir,
        study: study.id,
        coordinatorUrl: place.url,
        dataRules: { allowMissingClasses: true },
        createTrainer: byzantineTrainer(train, faults),
        dial,
        turn,
        signal: AbortSignal.any([signal, life.signal]),
        log: silentLog,
        clock: systemClock,
        onProgress(event) {
          onEvent(name, event)
          if (event.kind === 'training' && dies(event.round)) life.abort()
        },
      })
      return
    } catch (thrown) {
      if (signal.aborted || !life.signal.aborted || asTesseraError(thrown).code !== 'ERR_INTERRUPTED')
        throw thrown
    }
  }
}
