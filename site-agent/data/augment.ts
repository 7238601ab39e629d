/** @file What happens to a tile in an epoch, drawn from its own random stream. */
import type { Random } from '@tessera/shared/random'
import { drawOperations, type Operation } from './randaugment/operations.ts'
import { type ColourChange, drawStainJitter, STAIN_MATRIX, type StainColours } from './stain.ts'

/** What happens to one tile in one epoch. */
export interface Augmentation {
  readonly flipX: boolean
  readonly flipY: boolean
  /** Quarter turns, 0 to 3, clockwise, before the flips. */
  readonly turns: number
  /** Absent: colours stay. */
  readonly colour?: ColourChange
  /** Of RandAugment, in their order, after turn and flips. */
  readonly operations?: readonly Operation[]
}

/** How strongly tiles are varied; names as in the study. */
export type AugmentName = 'none' | 'flips' | 'flips-and-stain' | 'flips-and-site-stain' | 'randaugment'

export const UNCHANGED: Augmentation = { flipX: false, flipY: false, turns: 0 }

/**
 * Draws a tile's augmentation. Tissue has no up and no left: all eight orientations are equally likely. `randaugment` is the paper's code:
 * a mirror left to right every second time, then RandAugment.
 *
 * @param colours Of the site's own stains, for `flips-and-site-stain`.
 */
export function drawAugmentation(
  random: Random,
  augment: AugmentName,
  colours: StainColours = STAIN_MATRIX,
): Augmentation {
  if (augment === 'none') return UNCHANGED
  if (augment === 'randaugment') {
    return { ...UNCHANGED, flipX: random.integer(2) === 1, operations: drawOperations(random) }
  }
  const orientation = {
    flipX: random.integer(2) === 1,
    flipY: random.integer(2) === 1,
    turns: random.integer(4),
  }
  if (augment === 'flips') return orientation
  const varied = augment === 'flips-and-site-stain' ? colours : STAIN_MATRIX
  return { ...orientation, colour: drawStainJitter(random, varied) }
}
