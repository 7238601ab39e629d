/** @file A whole small federation for tests: a coordinator's folder, enrolled sites with drawn tiles, a MoMA study. Real code, real sockets. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Coordinator,
  type CoordinatorOptions,
  createStudy,
  exportStudy,
  initCoordinator,
  invite,
  startCoordinator,
} from '@tessera/coordinator'
import { systemClock } from '@tessera/shared/clock'
import { silentLog } from '@tessera/shared/log'
import {
  backboneLayout,
  encodeSafetensors,
  IMAGENET_DEVIATION,
  IMAGENET_MEAN,
  initialWeights,
} from '@tessera/shared/model'
import type { OnnxHints } from '@tessera/shared/model/onnx'
import type { StudyInput } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { sha256Hex } from '@tessera/shared/security'
import { drawScanner, GRADES, tilePng } from '@tessera/simulations'
import { type AgentOptions, type AgentOutcome, enroll, runAgent } from '@tessera/site-agent'
import { temporaryFolder } from './temporary-folder.ts'

export const SITES = ['north', 'south', 'west'] as const
export type SiteName = (typeof SITES)[number]
/** Ends what hangs; nothing here takes as long, however busy the machine is. */
const PATIENCE_MS = 280_000
const BACKBONE = { name: 'efficientnet-b0', widthMultiplier: 0.1, depthMultiplier: 0.1 } as const

/** Two rounds of MoMA on tiles of 32 px: small enough for a test, and with every part that a large study has. */
export const SMALL_STUDY: StudyInput = {
  id: 'small',
  seed: 'federation-test',
  classes: [...GRADES],
  tile: { sizePx: 32 },
  student: { ...BACKBONE, dropout: 0.1, stochasticDepth: 0.1 },
  teacher: { ...BACKBONE, sha256: '0'.repeat(64), task: 'same', classes: GRADES.length },
  method: { name: 'moma', featureDim: 16, heads: 2, queueSize: 20 },
  training: { rounds: 2, epochsPerRound: 1, batchSize: 8, learningRate: 0.05 },
  federation: { minSites: 3, quorum: 2, deadlineMs: 60_000 },
}

export interface SmallFederation {
  /** The folder of everything: it can be copied, see {@link federationAt}. */
  readonly root: string
  /** The coordinator's. */
  readonly dir: string
  start(options?: Omit<CoordinatorOptions, 'dir'>): Promise<Coordinator>
  /** Runs a site's agent against `url` until the study ends. */
  agent(site: SiteName, url: string, options?: Partial<AgentOptions>): Promise<AgentOutcome>
  siteDir(site: SiteName): string
  tilesDir(site: SiteName): string
  /** SHA-256 of the newest student, and the rounds that made it. */
  result(): Promise<{ student: string; rounds: number }>
}

/** Draws `count` tiles of each class into DIR/CLASS/`name`-i.png. */
export async function drawTiles(dir: string, site: string, count: number, name = 'tile'): Promise<void> {
  const scanner = drawScanner(createRandom(`federation-test/${site}`))
  for (const grade of GRADES) {
    await mkdir(join(dir, grade), { recursive: true })
    for (let index = 0; index < count; index++) {
      const png = await tilePng({ patient: `${site}-${grade}-${index}`, index, grade, scanner, sizePx: 32 })
      await writeFile(join(dir, grade, `${name}-${index}.png`), png)
    }
  }
}

/** Tiles of each class that a site does not train on: as many as the default policy wants of one. */
export const HELD_OUT = 5

/** Draws a site's tiles in two parts, `train` and `val`, and gives their folder. */
export async function drawDividedTiles({ root }: SmallFederation, site: SiteName): Promise<string> {
  const dir = dividedDir(root, site)
  await drawTiles(join(dir, 'train'), site, 3)
  await drawTiles(join(dir, 'val'), `${site}-val`, HELD_OUT)
  return dir
}

/** Where {@link drawDividedTiles} puts them. */
export const dividedDir = (root: string, site: SiteName): string => join(root, 'divided', site)

/**
 * Makes the folders of a coordinator and three enrolled sites. The coordinator is not running when it returns.
 * @param onnxTeacher An ONNX file of the study's classes, normalised as ours, instead of the study's teacher.
 */
export async function smallFederation(
  study: StudyInput = SMALL_STUDY,
  onnxTeacher?: Uint8Array,
): Promise<SmallFederation> {
  const root = await temporaryFolder()
  const dir = join(root, 'coordinator')
  await initCoordinator({ dir, port: 0 })
  const classes = study.teacher?.name === 'onnx' ? undefined : study.teacher?.classes
  const layout = backboneLayout(BACKBONE, classes ?? GRADES.length)
  const teacher = onnxTeacher ?? encodeSafetensors(layout, initialWeights(layout, 'a teacher'))
  const teacherFile = join(root, onnxTeacher ? 'teacher.onnx' : 'teacher.safetensors')
  await writeFile(teacherFile, teacher)
  const described = onnxTeacher ? { task: 'same' } : { ...study.teacher, sha256: sha256Hex(teacher) }
  const input = study.teacher ? { ...study, teacher: described } : study
  const onnx = { mean: [...IMAGENET_MEAN], deviation: [...IMAGENET_DEVIATION] } satisfies OnnxHints
  await createStudy({ dir, study: input, onnx, ...(study.teacher ? { teacherFile } : {}) })

  const federation = federationAt(root, study.id)
  const coordinator = await startCoordinator({ dir, port: 0 })
  try {
    for (const site of SITES) {
      const { file } = await invite({ dir, site, url: coordinator.url, autoApprove: true })
      await enroll({
        kitFile: file,
        dir: federation.siteDir(site),
        acceptPolicy: true,
        log: silentLog,
        clock: systemClock,
        signal: AbortSignal.timeout(PATIENCE_MS),
      })
      await drawTiles(federation.tilesDir(site), site, 3)
    }
  } finally {
    await coordinator.close()
  }
  return federation
}

/** Gives the federation whose folder, or a copy of it, is `root`. */
export function federationAt(root: string, study: string): SmallFederation {
  const dir = join(root, 'coordinator')
  const siteDir = (site: SiteName): string => join(root, site)
  const tilesDir = (site: SiteName): string => join(root, 'tiles', site)
  return {
    root,
    dir,
    siteDir,
    tilesDir,
    start: (options = {}) => startCoordinator({ dir, port: 0, ...options }),
    agent: (site, url, options = {}) =>
      runAgent({
        dir: siteDir(site),
        dataDir: tilesDir(site),
        study,
        coordinatorUrl: url,
        signal: AbortSignal.timeout(PATIENCE_MS),
        log: silentLog,
        clock: systemClock,
        ...options,
      }),
    async result() {
      const { card } = await exportStudy({ dir, study, out: join(root, 'export') })
      const bytes = await readFile(join(root, 'export', 'student.safetensors'))
      return { student: sha256Hex(bytes), rounds: card.rounds.length }
    },
  }
}
