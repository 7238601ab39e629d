/**
 * One scan: the blocks of one component, row by row, or units of several components' blocks, in intervals that begin anew.
 * Source: ITU-T T.81, sections A.2 (order of blocks) and E.2.4 (restart).
 */
import { decodeBlock } from './baseline'
import { bitsOfScan, unpackBits, usedUp } from './bits'
import { Component, componentAt } from './component'
import { beginRuns, coefficients, coefficientsAgain, mean, meanAgain } from './progressive'

/** First of eight restart markers that follow each other. */
const RESTART: i32 = 0xd0

/** What a scan brings of its blocks. */
export enum Pass {
  /** All of it. */
  Whole = 0,
  /** The mean, or some of the coefficients, but for their last bits. */
  Mean = 1,
  Coefficients = 2,
  /** One more bit of them. */
  MeanAgain = 3,
  CoefficientsAgain = 4,
}

/**
 * Decodes the scan whose bits begin at `from`.
 *
 * @param members Bit i: component i takes part.
 * @param interval Units between two restart markers; 0: no markers.
 * @param first First coefficient, in zigzag order, and the last; `shift`: bits that are still to come.
 * @returns Address of the marker behind the scan; 0 if anything is not as it should be.
 */
export function decodeScan(
  from: usize,
  end: usize,
  scratch: usize,
  members: i32,
  unitsAcross: i32,
  unitsDown: i32,
  interval: i32,
  pass: Pass,
  first: i32,
  last: i32,
  shift: i32,
): usize {
  const alone = popcnt(members) == 1
  let across = unitsAcross
  let down = unitsDown
  if (alone) {
    const component = componentAt(ctz(members))
    across = component.usedAcross
    down = component.usedDown
  }
  const all = across * down
  let restarts: i32 = 0
  for (let done: i32 = 0; done < all; ) {
    if (done > 0) {
      if (load<u8>(from, 1) != RESTART + (restarts & 7)) return 0
      restarts++
      from += 2
    }
    from = unpackBits(from, end, scratch)
    if (from == 0) return 0
    for (let i = 0; i < 3; i++) componentAt(i).predictor = 0
    beginRuns()
    const stop = interval == 0 ? all : min(all, done + interval)
    for (; done < stop; done++) {
      const x = done % across
      const y = done / across
      if (alone) {
        if (!oneBlock(componentAt(ctz(members)), x, y, pass, first, last, shift)) return 0
      } else if (!unit(members, x, y, pass, shift)) return 0
    }
    if (!usedUp(bitsOfScan())) return 0
  }
  return from
}

function unit(members: i32, x: i32, y: i32, pass: Pass, shift: i32): bool {
  for (let i: i32 = 0; i < 3; i++) {
    if ((members & (1 << i)) == 0) continue
    const component = componentAt(i)
    const across = component.across
    const down = component.down
    for (let v: i32 = 0; v < down; v++) {
      for (let h: i32 = 0; h < across; h++) {
        if (!oneBlock(component, x * across + h, y * down + v, pass, 0, 0, shift)) return false
      }
    }
  }
  return true
}

// @ts-ignore: decorator
@inline
function oneBlock(
  component: Component,
  x: i32,
  y: i32,
  pass: Pass,
  first: i32,
  last: i32,
  shift: i32,
): bool {
  if (pass == Pass.Whole) {
    const stride = <usize>component.blocksAcross << 3
    return decodeBlock(component, component.plane + (<usize>y << 3) * stride + (<usize>x << 3), stride)
  }
  const block = component.coefficients + (<usize>(y * component.blocksAcross + x) << 7)
  if (pass == Pass.Mean) return mean(component, block, shift)
  if (pass == Pass.MeanAgain) return meanAgain(block, shift)
  if (pass == Pass.Coefficients) return coefficients(component, block, first, last, shift)
  return coefficientsAgain(component, block, first, last, shift)
}
