/**
 * @file Settings of a demo run: one strict schema. `--quick` changes defaults, flags win over both.
 *
 * Defaults without a source beside them were chosen by running: large enough to learn, small enough for two cores.
 */
import { createHash } from 'node:crypto'
import { TesseraError } from '@tessera/shared/errors'
import { parsePartition } from '../partition/index.ts'
import type { StartFile } from './start.ts'

/** A folder `SITE/CLASS/*.png|jpg` and, when known, the size of its pixels. */
export interface DataFolder {
  readonly dir: string
  readonly micronsPerPx: number | null
}

export interface DemoConfig {
  /** Empty: procedural tiles. */
  readonly data: readonly DataFolder[]
  /** Tiles that only the teacher sees; empty: some of `data`, or procedural tiles of many scanners. */
  readonly teacherData: readonly DataFolder[]
  /** Source site and share of its tiles set aside for the teacher. Null: 30 % of the largest site. */
  readonly teacherFrom: { readonly site: string; readonly share: number } | null
  /** `iid` or `dirichlet:ALPHA` over `sites`; null: each folder is a site. */
  readonly partition: string | null
  readonly sites: number
  /** Chosen classes in order; empty: all, by name. */
  readonly classes: readonly string[]
  /** Of the teacher's data, when its task is another; empty: as `classes`, or all that its data have. */
  readonly teacherClasses: readonly string[]
  readonly tilePx: number
  readonly testShare: number
  /** Procedural only: patients over all sites, as many again for the teacher, and tiles of each. */
  readonly patients: number
  readonly tilesPerPatient: number
  readonly rounds: number
  /** Epochs a round. */
  readonly epochs: number
  readonly teacherEpochs: number
  readonly batch: number
  readonly lr: number
  readonly width: number
  readonly depth: number
  readonly teacherWidth: number
  readonly teacherDepth: number
  /** MoMA's queue and feature width (16 384 and 512 in the paper, which has 200 times as many tiles). */
  readonly queue: number
  readonly featureDim: number
  readonly seed: string
  /** What the teacher and every student start from; their widths and depths are then the file's. Absent: from chance. */
  readonly start?: StartFile | undefined
  /** Who starts from it; the other has its network from chance. Absent: both. */
  readonly startFor?: StartFor | undefined
}

export const START_FOR = ['teacher', 'student', 'none'] as const
export type StartFor = (typeof START_FOR)[number]

/** Smallest and largest value of each number; `whole` ones have no fraction. */
const RANGES = {
  sites: { from: 2, to: 16, whole: true },
  tilePx: { from: 24, to: 512, whole: true },
  testShare: { from: 0.01, to: 0.99, whole: false },
  patients: { from: 24, to: 10_000, whole: true },
  tilesPerPatient: { from: 1, to: 100, whole: true },
  rounds: { from: 1, to: 1000, whole: true },
  epochs: { from: 1, to: 100, whole: true },
  teacherEpochs: { from: 1, to: 1000, whole: true },
  batch: { from: 2, to: 1024, whole: true },
  lr: { from: 1e-6, to: 10, whole: false },
  width: { from: 0.05, to: 4, whole: false },
  depth: { from: 0.1, to: 4, whole: false },
  teacherWidth: { from: 0.05, to: 4, whole: false },
  teacherDepth: { from: 0.1, to: 4, whole: false },
  queue: { from: 32, to: 16_384, whole: true },
  featureDim: { from: 8, to: 2048, whole: true },
} as const satisfies Partial<Record<keyof DemoConfig, { from: number; to: number; whole: boolean }>>

const DEFAULTS = {
  data: [],
  teacherData: [],
  teacherFrom: null,
  partition: null,
  sites: 3,
  classes: [],
  teacherClasses: [],
  tilePx: 64,
  testShare: 0.4,
  patients: 200,
  tilesPerPatient: 8,
  rounds: 20,
  epochs: 1,
  teacherEpochs: 14,
  batch: 16,
  lr: 0.02,
  width: 0.25,
  depth: 0.34,
  teacherWidth: 0.5,
  teacherDepth: 0.34,
  queue: 512,
  featureDim: 64,
  seed: 'tessera',
} satisfies DemoConfig

/** Real sets are a few hundred tiles: fewer steps an epoch, so more epochs. */
const REAL = { testShare: 0.3, rounds: 30, teacherEpochs: 40 } satisfies Partial<DemoConfig>

/** Shows that everything works, in about a minute; learns little. */
const QUICK = {
  tilePx: 32,
  patients: 48,
  tilesPerPatient: 4,
  rounds: 2,
  teacherEpochs: 3,
  queue: 64,
  featureDim: 32,
} satisfies Partial<DemoConfig>

/**
 * Fills in the defaults and checks what belongs together.
 * @throws {TesseraError} ERR_CONFIG_INVALID; ERR_USAGE for a partition that cannot be read.
 */
export function completeConfig(flags: Partial<DemoConfig>, quick: boolean): DemoConfig {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
  const real = flags.data !== undefined && flags.data.length > 0
  const config: DemoConfig = {
    ...DEFAULTS,
    ...(real ? REAL : { partition: 'dirichlet:1' }),
    ...(quick ? QUICK : {}),
    ...given,
  }
  for (const [name, { from, to, whole }] of Object.entries(RANGES)) {
    const value = config[name as keyof typeof RANGES]
    if (!(value >= from && value <= to) || (whole && !Number.isInteger(value))) {
      const kind = whole ? 'a whole number' : 'a number'
      throw new TesseraError(
        'ERR_CONFIG_INVALID',
        `${name} must be ${kind} from ${from} to ${to}, got ${value}`,
      )
    }
  }
  if (config.partition !== null) parsePartition(config.partition)
  if (!real && (config.teacherData.length > 0 || config.teacherFrom !== null)) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      'teacher data must come with --data DIR, got procedural tiles for the sites',
    )
  }
  if (config.startFor !== undefined && config.start === undefined) {
    throw new TesseraError('ERR_CONFIG_INVALID', '--start-for must come with --start FILE, got no file')
  }
  if (config.teacherData.length > 0 && config.teacherFrom !== null) {
    throw new TesseraError(
      'ERR_CONFIG_INVALID',
      'teacher must have one source, got --teacher-data and --teacher-from',
    )
  }
  return config
}

/** Eight hex digits that name the settings: another setting, another folder. */
export function configDigest(config: DemoConfig): string {
  return createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 8)
}

/**
 * Reads `DIR` or `DIR@MICRONS_PER_PX`.
 * @throws {TesseraError} ERR_USAGE
 */
export function parseDataFolder(text: string): DataFolder {
  const match = /^(.+)@([0-9.]+)$/.exec(text)
  if (match === null) return { dir: text, micronsPerPx: null }
  const micronsPerPx = Number(match[2])
  if (!(micronsPerPx > 0)) {
    throw new TesseraError('ERR_USAGE', `DIR@MPP must have micrometres per pixel > 0, got ${text}`)
  }
  return { dir: match[1] ?? '', micronsPerPx }
}

/**
 * Reads `SITE:SHARE`.
 * @throws {TesseraError} ERR_USAGE
 */
export function parseTeacherFrom(text: string): { site: string; share: number } {
  const match = /^(.+):([0-9.]+)$/.exec(text)
  const share = Number(match?.[2])
  if (match === null || !(share > 0 && share < 1)) {
    throw new TesseraError(
      'ERR_USAGE',
      `--teacher-from must be SITE:SHARE with a share between 0 and 1, got ${text}`,
    )
  }
  return { site: match[1] ?? '', share }
}
