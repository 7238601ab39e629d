/** What is known of a picture's three components: brightness, blueness, redness. */

import { placeOf } from './zigzag'

@unmanaged
export class Component {
  /** Blocks of an interleaved unit in each direction, 1 or 2. */
  across: i32
  down: i32
  /** Blocks of the plane: whole units. */
  blocksAcross: i32
  blocksDown: i32
  /** Blocks that hold pixels of the picture: what a scan of this component alone has. */
  usedAcross: i32
  usedDown: i32
  /** Samples, 8 · blocksAcross a row. */
  plane: usize
  /** 64 coefficients a block, row by row; 0 where each block is transformed at once. */
  coefficients: usize
  /** 64 factors of 16 bits, row by row. */
  quantiser: usize
  dcTable: usize
  acTable: usize
  /** Last block's mean. */
  predictor: i32
}

const COMPONENTS = memory.data(3 * offsetof<Component>(), 16)

// @ts-ignore: decorator
@inline
export function componentAt(i: i32): Component {
  return changetype<Component>(COMPONENTS + <usize>i * offsetof<Component>())
}

/** Describes component `i`, 0 to 2. */
export function setComponent(
  i: i32,
  across: i32,
  down: i32,
  blocksAcross: i32,
  blocksDown: i32,
  usedAcross: i32,
  usedDown: i32,
  plane: usize,
  coefficients: usize,
  quantiser: usize,
  dcTable: usize,
  acTable: usize,
): void {
  const c = componentAt(i)
  c.across = across
  c.down = down
  c.blocksAcross = blocksAcross
  c.blocksDown = blocksDown
  c.usedAcross = usedAcross
  c.usedDown = usedDown
  c.plane = plane
  c.coefficients = coefficients
  c.quantiser = quantiser
  c.dcTable = dcTable
  c.acTable = acTable
}

/** True for a mean that no 8-bit picture has, even with a factor of 1. */
// @ts-ignore: decorator
@inline
export function isBeyond(mean: i32): bool {
  return mean > 4095 || mean < -4096
}

/** Writes 64 factors that come as bytes in zigzag order, row by row. False if one is 0. */
export function setFactors(from: usize, to: usize): bool {
  for (let k: i32 = 0; k < 64; k++) {
    const factor = <i16>load<u8>(from + <usize>k)
    if (factor == 0) return false
    store<i16>(to + placeOf(k), factor)
  }
  return true
}
