/**
 * @file A whole federation in this process: the coordinator's and the agents' own code, keys, signatures, gate, audit and store. Sites take turns, so
 * that the models of a few are in memory at a time; what a site keeps between its rounds is on the disk.
 */
import { setMaxListeners } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createStudy,
  exportStudy,
  initCoordinator,
  openCoordinator,
  startCoordinator,
} from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { asTesseraError } from '@tessera/shared/errors'
import { exemptFromPowerCuts } from '@tessera/shared/files'
import { silentLog } from '@tessera/shared/log'
import type { Study } from '@tessera/shared/protocol'
import {
  type AgentEvent,
  type Dial,
  dialOver,
  runAgent,
  type TrainerFactory,
  type Turn,
} from '@tessera/site-agent'
import type { Fault } from '../experiment/faults.ts'
import { byzantineTrainer } from './byzantine.ts'
import { enrolSites, siteDir } from './enrol-sites.ts'
import { faultyDial } from './faulty-dial.ts'
import { memoryDial } from './memory-link.ts'
import { pooledTrainers, trainInTurn, untimed } from './trainers.ts'
import { createTurns } from './turns.ts'

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
/** Enrolments, and then joins, at once: of a thousand at the same time most would wait for longer than a coordinator gives a session to join. */
const ENTERING = 8
/** Sites that are in a round at once, one a lane: while one trains, the other delivers or fetches. A third gains nothing on two cores and holds another model. */
const LANES = 2

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
  await initCoordinator({ dir, port: 0 })
  const files = {
    ...(teacher !== null && { teacherFile: teacher }),
    ...(start !== null && { studentFile: start }),
  }
  await createStudy({ dir, study, ...files })
  const { createTrainer } = options
  const trainers = createTrainer === undefined ? await pooledTrainers() : untimed(createTrainer)
  const place = await open(dir, options.transport)
  const stop = new AbortController()
  // All agents wait for it, in several places each.
  setMaxListeners(0, stop.signal)
  try {
    const coordinator = { ...place, dir }
    await enrolSites({ root, sites, coordinator, lanes: LANES, atOnce: ENTERING, signal: stop.signal })
    const train = trainInTurn(trainers.create)
    const turns = Array.from({ length: LANES }, () => createTurns(1))
    const entering = createTurns(ENTERING)
    const agents = sites.map((site, i) =>
      untilEnd(stop.signal, entering, (onJoined) =>
        runSite(options, site, i, {
          place,
          train,
          turn: turns[i % LANES] as Turn,
          signal: stop.signal,
          onJoined,
        }),
      ),
    )
    const outcome = Promise.all(agents)
    await Promise.race([outcome, rejection(place.ended)])
    await outcome
  } finally {
    stop.abort()
    await place.close()
    trainers.dispose()
  }
  const { files: exported } = await exportStudy({ dir, study: study.id, out: join(root, 'export') })
  return { student: exported[0] ?? '', stepSeconds: trainers.stepMs() / 1000 }
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

/** Starts an agent when it is its turn to enter; the turn ends when it has joined. */
async function untilEnd(
  signal: AbortSignal,
  entering: Turn,
  run: (onJoined: () => void) => Promise<void>,
): Promise<void> {
  let end: Promise<void> = Promise.resolve()
  await entering(signal, async () => {
    await new Promise<void>((resolve) => {
      end = run(resolve)
      // Its failure is told by `end`.
      end.then(resolve, () => resolve())
    })
  })
  await end
}

interface Around {
  readonly place: Place
  readonly train: TrainerFactory
  readonly turn: Turn
  readonly signal: AbortSignal
  readonly onJoined: () => void
}

/** An agent's lives: one, and one more for each time that a fault kills it. */
async function runSite(
  { root, study, faults: all, onEvent }: FederateOptions,
  { name, dataDir }: FederateOptions['sites'][number],
  index: number,
  { place, train, turn, signal, onJoined }: Around,
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
        // Near copies: whoever dealt the tiles out has looked after them.
        dataRules: { allowMissingClasses: true, nearBits: null },
        createTrainer: byzantineTrainer(train, faults),
        dial,
        turn,
        signal: AbortSignal.any([signal, life.signal]),
        log: silentLog,
        clock: systemClock,
        onProgress(event) {
          if (event.kind === 'joined') onJoined()
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
