/**
 * @file RandAugment as the paper's code draws it: 2 operations of 15, with replacement, each carried out every second time with magnitude
 * M ~ N(10, ½) cut to 0 … 10.
 *
 * Source: https://github.com/trinhvg/MoMA, `dataset/histo_dataset.py` (`rand-n2-m10-mstd0.5`, fill 124, 116, 104) and `dataset/RandAugment.py`,
 * an early copy of timm's `auto_augment.py`. Read, not run.
 */
import type { Random } from '@tessera/shared/random'

/** In the order of the code's list. */
export const OPERATION_NAMES = [
  'auto-contrast',
  'equalize',
  'invert',
  'rotate',
  'posterize',
  'solarize',
  'solarize-add',
  'color',
  'contrast',
  'brightness',
  'sharpness',
  'shear-x',
  'shear-y',
  'translate-x',
  'translate-y',
] as const
export type OperationName = (typeof OPERATION_NAMES)[number]

/** One operation with what was drawn for it. */
export interface Operation {
  readonly name: OperationName
  /** Degrees, bits, level, factor, or share of the side; see {@link argumentOf}. 0 where the operation has none. */
  readonly argument: number
  /** Geometric ones: bicubic instead of bilinear; one or the other is drawn each time. */
  readonly cubic: boolean
}

const OPERATIONS_PER_TILE = 2
const PROBABILITY = 0.5
const MAGNITUDE = 10
const MAGNITUDE_DEVIATION = 0.5
const LARGEST_MAGNITUDE = 10

/** Draws a tile's operations: none, one or two. */
export function drawOperations(random: Random): Operation[] {
  const drawn: Operation[] = []
  for (let i = 0; i < OPERATIONS_PER_TILE; i++) {
    const name = OPERATION_NAMES[random.integer(OPERATION_NAMES.length)] as OperationName
    if (random.float() >= PROBABILITY) continue
    const magnitude = random.normal(MAGNITUDE, MAGNITUDE_DEVIATION)
    const level = Math.min(LARGEST_MAGNITUDE, Math.max(0, magnitude)) / LARGEST_MAGNITUDE
    const negative = random.integer(2) === 1
    drawn.push({ name, argument: argumentOf(name, level, negative), cubic: random.integer(2) === 1 })
  }
  return drawn
}

/**
 * What an operation's magnitude means.
 *
 * @param level M / 10, from 0 to 1.
 * @param negative Geometric operations: the other way.
 */
export function argumentOf(name: OperationName, level: number, negative: boolean): number {
  return ARGUMENTS[name](level, negative ? -1 : 1)
}

const none = (): number => 0
/** Of `ImageEnhance`; 1 changes nothing. */
const factor = (level: number): number => level * 1.8 + 0.1
/** Pixels a pixel. */
const shear = (level: number, sign: number): number => sign * level * 0.3
/** Of the side. */
const share = (level: number, sign: number): number => sign * level * 0.45

const ARGUMENTS: Readonly<Record<OperationName, (level: number, sign: number) => number>> = {
  'auto-contrast': none,
  equalize: none,
  invert: none,
  // Degrees.
  rotate: (level, sign) => sign * level * 30,
  // Bits kept: fewer at a lower level, as in TensorFlow's code for TPUs.
  posterize: (level) => Math.floor(level * 4),
  // First level that is inverted: none at 256.
  solarize: (level) => Math.floor(level * 256),
  'solarize-add': (level) => Math.floor(level * 110),
  color: factor,
  contrast: factor,
  brightness: factor,
  sharpness: factor,
  'shear-x': shear,
  'shear-y': shear,
  'translate-x': share,
  'translate-y': share,
}
