/** @file Which class of the study a label of the data is. */
import { TesseraError } from '@tessera/shared/errors'
import type { LabelUse } from './splits/part.ts'

/** Labels in composed form to classes; null: tiles of this label are left out. */
export type LabelMap = ReadonlyMap<string, string | null>

/** A class name that leaves a label's tiles out. */
const LEFT_OUT = '-'
/** A study has 1000 classes at most; a site may have a few names for each. */
const MAX_PAIRS = 4096

/**
 * Reads `LABEL=CLASS,LABEL=CLASS`; `LABEL=-` leaves a label's tiles out.
 *
 * @throws {TesseraError} ERR_USAGE
 */
export function parseLabelMap(text: string): LabelMap {
  const pairs = text.split(',')
  if (pairs.length > MAX_PAIRS) {
    throw new TesseraError('ERR_USAGE', `--map must have at most ${MAX_PAIRS} pairs, got ${pairs.length}`)
  }
  const map = new Map<string, string | null>()
  for (const pair of pairs) {
    const [label = '', className = '', ...more] = pair.split('=').map((side) => side.trim().normalize('NFC'))
    if (label === '' || className === '' || more.length > 0 || map.has(label)) {
      throw new TesseraError('ERR_USAGE', `--map must be LABEL=CLASS once a label, got ${pair}`)
    }
    map.set(label, className === LEFT_OUT ? null : className)
  }
  return map
}

/** Tells of each label of the data which class it is. A label that the map does not name is a class by its own name. */
export interface Labeller {
  /** Index of the class; null: left out; undefined: no class of the study. */
  (label: string): number | null | undefined
}

/** @throws {TesseraError} ERR_DATA_CLASSES if the map leads to a class that the study does not have. */
export function createLabeller(classes: readonly string[], map: LabelMap = new Map()): Labeller {
  const indices = new Map(classes.map((name, i) => [name.normalize('NFC'), i]))
  for (const className of map.values()) {
    if (className === null || indices.has(className)) continue
    throw new TesseraError(
      'ERR_DATA_CLASSES',
      `labels must be mapped to classes of the study (${classes.join(', ')}), got ${className}`,
    )
  }
  return (label) => {
    const name = label.normalize('NFC')
    const mapped = map.has(name) ? map.get(name) : name
    return mapped === null ? null : indices.get(mapped ?? '')
  }
}

/** Unknown labels that a sentence can hold. */
const TOLD = 10

/**
 * What becomes of each label of the data, in the order of the counts.
 * @param counts Tiles by label.
 * @throws {TesseraError} ERR_DATA_CLASSES if a label is no class of the study.
 */
export function labelUses(
  counts: ReadonlyMap<string, number>,
  labelOf: Labeller,
  classes: readonly string[],
): LabelUse[] {
  const unknown = [...counts.keys()].filter((label) => labelOf(label) === undefined)
  if (unknown.length > 0) throw unknownLabels(unknown, classes)
  return [...counts].map(([label, tiles]) => ({
    label,
    className: classes[labelOf(label) ?? -1] ?? null,
    tiles,
  }))
}

function unknownLabels(unknown: readonly string[], classes: readonly string[]): TesseraError {
  const more = unknown.length > TOLD ? ` and ${unknown.length - TOLD} more` : ''
  return new TesseraError(
    'ERR_DATA_CLASSES',
    `labels must be classes of the study (${classes.join(', ')}), got ${unknown.slice(0, TOLD).join(', ')}${more}: --map says which class a label is`,
  )
}
