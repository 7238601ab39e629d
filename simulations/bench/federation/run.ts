/** @file A federation of our own on this machine: a coordinator and the agents of its sites in processes of their own, a round at a time. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createStudy, initCoordinator, invite } from '@tessera/coordinator'
import { createRandom } from '@tessera/shared/random'
import { drawScanner, GRADES, tilePng } from '../../tiles/index.ts'
import type { FederationCase } from './cases.ts'
import { type Host, startHost } from './host.ts'
import { STAGES, type Stage } from './messages.ts'
import { federationStudy } from './studies.ts'

export interface FederationOptions extends FederationCase {
  /** Empty; all goes there. */
  readonly dir: string
  /** Where the sites keep what they keep: on machines of their own, each has a disk of its own. */
  readonly sitesDir: string
  /** Processes that the agents are spread over. */
  readonly hosts: number
  /** See {@link startHost}. */
  readonly profile?: string | undefined
}

/** Seconds of one round, and of its parts. */
export interface RoundTimes {
  readonly seconds: number
  /** From the end of training to the last site's receipt: delta, digest, signature, transfer, checks, sync. */
  readonly upload: number
  /** From then until the last site has the record: average, new student, signature. */
  readonly publish: number
  /** From then until every site holds the next student and would train. */
  readonly handOut: number
}

export interface RunningFederation {
  /** Process id of the coordinator. */
  readonly coordinator: number
  /** Process ids of the agents. */
  readonly agents: readonly number[]
  /** Runs whole rounds. @throws {TesseraError} ERR_INTERNAL if a process ends meanwhile. */
  rounds(count: number): Promise<RoundTimes[]>
  stop(): Promise<void>
}

/** Starts one; every site holds the first student and would train when it returns. */
export async function startFederation(options: FederationOptions): Promise<RunningFederation> {
  const { dir, sitesDir, model, sites, profile } = options
  const coordinatorDir = join(dir, 'coordinator')
  const data = join(dir, 'tiles')
  const study = federationStudy(model, sites)
  await initCoordinator({ dir: coordinatorDir, port: 0 })
  await createStudy({ dir: coordinatorDir, study })
  await drawTiles(data, study.classes)
  await mkdir(sitesDir, { recursive: true })

  const running: Host[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((host) => host.stop()))
  }
  const start: typeof startHost = (host) => {
    const started = startHost(host)
    running.push(started)
    return started
  }
  try {
    const log = join(dir, 'coordinator.log')
    const coordinator = start({
      file: 'coordinator-host',
      args: ['--dir', coordinatorDir],
      log,
      profile: under(profile, 'coordinator'),
    })
    const url = await coordinator.ready
    const kits = join(dir, 'kits')
    for (let i = 0; i < sites; i++) {
      await invite({
        autoApprove: true,
        dir: coordinatorDir,
        site: `site-${i}`,
        url,
        file: join(kits, `site-${i}.json`),
      })
    }
    const hosts = Math.min(options.hosts, sites)
    const times = createStageTimes(hosts)
    const agents = Array.from({ length: hosts }, (_, i) => {
      const range = [
        '--from',
        `${Math.floor((i * sites) / hosts)}`,
        '--to',
        `${Math.floor(((i + 1) * sites) / hosts)}`,
      ]
      const places = ['--sites', sitesDir, '--kits', kits, '--data', data, '--study', study.id]
      const name = `agents-${i}`
      return start({
        file: 'agent-host',
        args: [...range, ...places],
        log: join(dir, `${name}.log`),
        profile: under(profile, name),
        onMessage(message) {
          for (const stage of STAGES) if (stage in message) times.note(stage, Object.values(message)[0])
        },
      })
    })
    const failed = Promise.race(running.map((host) => host.failed))
    failed.catch(() => undefined)
    await Promise.race([times.all('reached', 1), failed])
    let round = 1
    return {
      coordinator: coordinator.pid,
      agents: agents.map(({ pid }) => pid),
      async rounds(count) {
        const last = round + count - 1
        let began = performance.now()
        for (const host of agents) host.send({ train: last })
        const taken: RoundTimes[] = []
        for (; round <= last; round++) {
          const [delivered, published, reached] = await Promise.race([
            Promise.all([
              times.all('delivered', round),
              times.all('published', round),
              times.all('reached', round + 1),
            ]),
            failed,
          ])
          taken.push({
            seconds: (reached - began) / 1000,
            upload: (delivered - began) / 1000,
            publish: Math.max(0, published - delivered) / 1000,
            handOut: Math.max(0, reached - Math.max(delivered, published)) / 1000,
          })
          began = reached
        }
        return taken
      },
      stop,
    }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

const under = (folder: string | undefined, name: string): string | undefined =>
  folder === undefined ? undefined : join(folder, name)

/** When every process has come to a stage of a round. */
function createStageTimes(processes: number): {
  note(stage: Stage, round: number): void
  /** Milliseconds, on this process's clock. */
  all(stage: Stage, round: number): Promise<number>
} {
  const marks = new Map<string, { seen: number; at: Promise<number>; resolve: (ms: number) => void }>()
  const mark = (stage: Stage, round: number) => {
    const key = `${stage} ${round}`
    const known = marks.get(key)
    if (known !== undefined) return known
    let resolve: (ms: number) => void = () => undefined
    const at = new Promise<number>((done) => {
      resolve = done
    })
    const made = { seen: 0, at, resolve }
    marks.set(key, made)
    return made
  }
  return {
    note(stage, round) {
      const one = mark(stage, round)
      one.seen++
      if (one.seen === processes) one.resolve(performance.now())
    },
    async all(stage, round) {
      const ms = await mark(stage, round).at
      marks.delete(`${stage} ${round}`)
      return ms
    },
  }
}

/** As many tiles of a class as a site's policy wants by default, of two classes; nothing reads them. */
const TILES_PER_CLASS = 5

/** Draws what a site must have. */
export async function drawTiles(dir: string, classes: readonly string[]): Promise<void> {
  const scanner = drawScanner(createRandom('bench-scanner'))
  for (const [c, name] of classes.slice(0, 2).entries()) {
    await mkdir(join(dir, name), { recursive: true })
    const grade = GRADES[c] as (typeof GRADES)[number]
    for (let index = 0; index < TILES_PER_CLASS; index++) {
      const png = await tilePng({ patient: `bench-${c}`, index, grade, scanner, sizePx: 16 })
      await writeFile(join(dir, name, `tile-${index}.png`), png)
    }
  }
}
