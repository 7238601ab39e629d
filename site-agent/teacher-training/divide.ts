/** @file Divides tiles into a part to train on and a part to choose the best epoch by, class by class. */
import { TesseraError } from '@tessera/shared/errors'
import type { Random } from '@tessera/shared/random'

/** Places of tiles. */
export interface Division {
  readonly training: number[]
  readonly validation: number[]
}

/**
 * Returns both parts, each in ascending order, every tile in one of them. A class of two tiles and more has at least one in each part, a class of one
 * is trained on.
 * @param labels Class of each tile.
 * @param share Of the validation part, in (0, 1); of each class the nearest number of tiles.
 * @throws {TesseraError} ERR_DATA_FOLDER if a part would be empty.
 */
export function divide(labels: Int32Array, share: number, random: Random): Division {
  const byClass = new Map<number, number[]>()
  for (const [place, label] of labels.entries()) byClass.set(label, [...(byClass.get(label) ?? []), place])
  const validation: number[] = []
  // In the order of the classes: which class comes first in a folder must not change what is drawn.
  for (const [label, places] of [...byClass].toSorted(([a], [b]) => a - b)) {
    const wanted = Math.min(places.length - 1, Math.max(1, Math.round(share * places.length)))
    validation.push(...random.fork(`class-${label}`).shuffled(places).slice(0, wanted))
  }
  const chosen = new Set(validation)
  const training = [...labels.keys()].filter((place) => !chosen.has(place))
  if (training.length > 0 && validation.length > 0)
    return { training, validation: validation.toSorted((a, b) => a - b) }
  throw new TesseraError(
    'ERR_DATA_FOLDER',
    `data must have at least 2 tiles of a class to divide, got ${labels.length} tiles in ${byClass.size} classes`,
  )
}
