/**
 * @file A federation of real processes on this machine: one coordinator and one agent a site, started through the program as an operator and hospitals
 * would, with kits, keys and signatures; nothing of them is called from here but what makes a link, which must stand in no log.
 */
import { access, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { signInLink } from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { TesseraError } from '@tessera/shared/errors'
import type { Study } from '@tessera/shared/protocol'
import type { ProcessSet, Program } from './processes.ts'

export interface FederationSite {
  readonly name: string
  /** Its training tiles. */
  readonly dataDir: string
}

/** How far a study is, for the screen. */
export interface StudyView {
  readonly round: number
  readonly rounds: number
  /** Share of all rounds' training, 0 to 1. */
  readonly done: number
  readonly delivered: number
  readonly sites: number
  readonly loss: number | null
}

/** What a study's run was made of. */
export interface StudyOutcome {
  /** Bytes of deltas that each site sent. */
  readonly uploadedBytes: Readonly<Record<string, number>>
  /** Rounds that each site delivered in this run. */
  readonly delivered: Readonly<Record<string, number>>
}

export interface Federation {
  /** Creates the study, or goes on with it, and runs it to its end. The student goes to `model`. */
  run(
    study: Study,
    files: { readonly teacher: string | null; readonly start: string | null },
    model: string,
    onProgress: (view: StudyView) => void,
  ): Promise<StudyOutcome>
  /** Address of the coordinator's dashboard that signs an operator in, once. */
  dashboard(): Promise<string>
  close(): Promise<void>
}

interface Places {
  /** Folder of the federation: `coordinator`, `sites/SITE`, `kits`. */
  readonly root: string
  readonly logs: string
}

/** Starts the coordinator and enrols every site that is not enrolled yet. */
export async function openFederation(
  { root, logs }: Places,
  sites: readonly FederationSite[],
  processes: ProcessSet,
): Promise<Federation> {
  const coordinatorDir = join(root, 'coordinator')
  const siteDir = (name: string): string => join(root, 'sites', name)
  const tessera = async (args: readonly string[], log: string): Promise<string[]> => {
    const lines: string[] = []
    await processes.program(args, join(logs, `${log}.log`), (line) => lines.push(line)).ended
    return lines
  }
  await mkdir(join(root, 'kits'), { recursive: true })
  await mkdir(join(root, 'sites'), { recursive: true })
  if (!(await exists(join(coordinatorDir, 'coordinator.json')))) {
    await tessera(['coordinator', 'init', '--dir', coordinatorDir, '--port', '0'], 'coordinator-init')
  }
  const listeners = new Set<(event: CoordinatorEvent) => void>()
  const coordinator = await startCoordinator(coordinatorDir, logs, processes, (event) => {
    for (const listener of listeners) listener(event)
  })
  const { url } = coordinator

  await Promise.all(
    sites.map(async ({ name }) => {
      if (await exists(join(siteDir(name), 'site.json'))) return
      const kit = join(root, 'kits', `${name}.json`)
      if (!(await exists(kit))) {
        await tessera(
          [
            'coordinator',
            'invite',
            name,
            '--dir',
            coordinatorDir,
            '--url',
            url,
            '--out',
            kit,
            '--auto-approve',
          ],
          'invite',
        )
      }
      await tessera(['site', 'enroll', kit, '--accept-policy', '--dir', siteDir(name)], `site-${name}`)
    }),
  )

  return {
    async run(study, { teacher, start }, model, onProgress) {
      if (!(await hasStudy(coordinatorDir, study.id, tessera))) {
        const file = join(root, `${study.id}.json`)
        await writeFile(file, JSON.stringify(study, null, 2))
        const teaching = teacher === null ? [] : ['--teacher', teacher]
        const starting = start === null ? [] : ['--student', start]
        await tessera(
          ['coordinator', 'study', 'create', file, ...teaching, ...starting, '--dir', coordinatorDir],
          'study-create',
        )
      }
      let giveUp: (failure: TesseraError) => void = () => undefined
      const stopped = new Promise<never>((_, reject) => {
        giveUp = reject
      })
      const listener = (event: CoordinatorEvent): void => {
        if (event.type !== 'progress' || event.study !== study.id) return
        onProgress(viewOf(event, sites.length))
        if (event.phase === 'stopped') giveUp(roundsStopped(event.round))
      }
      listeners.add(listener)
      const outcome = { uploadedBytes: zeros(sites), delivered: zeros(sites) }
      const agents = sites.map(({ name, dataDir }) => {
        const args = ['site', 'start', '--study', study.id, '--data', dataDir, '--dir', siteDir(name)]
        const options = ['--coordinator', url, '--allow-missing-classes', '--progress-json']
        const onLine = (line: string): void => {
          const event = parseLine(line)
          if (event?.['kind'] !== 'delivered') return
          outcome.uploadedBytes[name] = (outcome.uploadedBytes[name] ?? 0) + Number(event['bytes'])
          outcome.delivered[name] = (outcome.delivered[name] ?? 0) + 1
        }
        const log = join(logs, `site-${name}.log`)
        return processes.program([...args, ...options], log, onLine, sites.length)
      })
      try {
        await Promise.race([Promise.all(agents.map(({ ended }) => ended)), coordinator.failed, stopped])
      } catch (thrown) {
        await Promise.all(agents.map((agent) => agent.stop()))
        throw thrown
      } finally {
        listeners.delete(listener)
      }
      const out = join(root, 'export', study.id)
      await tessera(
        ['coordinator', 'study', 'export', study.id, '--dir', coordinatorDir, '--out', out],
        'study-export',
      )
      await copyFile(join(out, 'student.safetensors'), model)
      return outcome
    },
    dashboard: async () =>
      `${url}/${await signInLink(coordinatorDir, { role: 'operator', name: 'demo' }, systemClock)}`,
    close: () => coordinator.program.stop(),
  }
}

/** A line of `coordinator start --ready-json --progress-json`. */
type CoordinatorEvent =
  | { readonly type: 'ready'; readonly url: string }
  | {
      readonly type: 'progress'
      readonly study: string
      readonly phase: string
      readonly round: number
      readonly rounds: number
      readonly accepted: number
      readonly meanLoss: number | null
      readonly sites: readonly { readonly step: number; readonly steps: number; readonly state: string }[]
    }

async function startCoordinator(
  dir: string,
  logs: string,
  processes: ProcessSet,
  onEvent: (event: CoordinatorEvent) => void,
): Promise<{ url: string; program: Program; failed: Promise<never> }> {
  let ready: (url: string) => void = () => undefined
  const listening = new Promise<string>((resolve) => {
    ready = resolve
  })
  const args = ['coordinator', 'start', '--dir', dir, '--port', '0', '--ready-json', '--progress-json']
  const program = processes.program(args, join(logs, 'coordinator.log'), (line) => {
    const event = parseLine(line) as CoordinatorEvent | null
    if (event?.type === 'ready') ready(event.url)
    else if (event?.type === 'progress') onEvent(event)
  })
  // Its end is a failure for as long as agents run, however well it ends.
  const failed = program.ended.then(() => {
    throw new TesseraError('ERR_INTERNAL', 'internal: coordinator must run until the study ends, got its end')
  })
  failed.catch(() => undefined)
  return { url: await Promise.race([listening, failed]), program, failed }
}

function viewOf(event: Extract<CoordinatorEvent, { type: 'progress' }>, siteCount: number): StudyView {
  const { phase, round, rounds, accepted, meanLoss, sites } = event
  const shares = sites.map(({ step, steps, state }) =>
    state === 'delivered' ? 1 : steps > 0 ? step / steps : 0,
  )
  const inRound = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length)
  const done = phase === 'finished' ? 1 : (Math.max(0, round - 1) + inRound) / rounds
  return { round, rounds, done, delivered: accepted, sites: siteCount, loss: meanLoss }
}

const roundsStopped = (round: number): TesseraError =>
  new TesseraError(
    'ERR_ROUND_EMPTY',
    `round ${round} must have an update from every site, got fewer at every attempt`,
  )

async function hasStudy(
  dir: string,
  id: string,
  tessera: (args: readonly string[], log: string) => Promise<string[]>,
): Promise<boolean> {
  const lines = await tessera(['coordinator', 'status', '--json', '--dir', dir], 'status')
  const status = lines.map(parseLine).find((line) => line !== null && 'studies' in line)
  const studies = (status?.['studies'] ?? []) as readonly { study: string }[]
  return studies.some(({ study }) => study === id)
}

function parseLine(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return null
  }
}

const zeros = (sites: readonly FederationSite[]): Record<string, number> =>
  Object.fromEntries(sites.map(({ name }) => [name, 0]))

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  )
