/** @file The parts that data are divided into, and how data may be listed with them. */
import type { TileOrigin } from '../origin.ts'
import type { SlideReport } from '../wsi/list-slide-tiles.ts'

/** What a tile is for: to learn from, to choose by, to be judged by. */
export const PARTS = ['train', 'val', 'test'] as const
export type Part = (typeof PARTS)[number]

/** Other names of a part that hospitals and data sets use. */
const NAMES: ReadonlyMap<string, Part> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'val'],
  ['valid', 'val'],
  ['validation', 'val'],
  ['test', 'test'],
  ['testing', 'test'],
])

/** The part that a text names, in any case; null when it names none. */
export function partNamed(text: string): Part | null {
  return NAMES.get(text.trim().toLowerCase()) ?? null
}

/** What may hold tiles together: tiles of one patient must not be learned from and judged by. */
export const TIES = ['patient', 'slide', 'group'] as const
export type Tie = (typeof TIES)[number]

/** One tile as its source lists it, before anything is read. */
export interface ListedTile {
  readonly origin: TileOrigin
  /** What its owner knows it by; for the owner's own screen only. */
  readonly name: string
  /** Index of its class in the study. */
  readonly label: number
  readonly part: Part
  readonly patient?: string
  readonly slide?: string
  readonly group?: string
  readonly scanner?: string
}

export interface TileListing {
  /** In an order that is the same on every machine. */
  readonly tiles: readonly ListedTile[]
  /** True when the source itself says which part a tile is of. */
  readonly hasParts: boolean
  /** Entries that are no tile: of class folders, files that are no .png, .jpg or .jpeg. */
  readonly otherFiles: number
  /** How many tiles each label of the data has, and which class of the study it is; null: left out. */
  readonly labels: readonly LabelUse[]
  /** Of a folder of slides. */
  readonly slides?: SlideReport
}

export interface LabelUse {
  readonly label: string
  readonly className: string | null
  readonly tiles: number
}
