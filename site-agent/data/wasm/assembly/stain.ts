/** Stain jitter (stain.ts tells the formula; augment.ts the tables), in double precision. */

/** Entries of the table of transmitted light a unit of density, and the densest that it has. */
const STEPS: f64 = 512
const DENSEST: f64 = 16

/**
 * Writes `rows` rows of floats, normalised.
 *
 * @param densities 256 doubles: each byte's optical density.
 * @param transmitted Floats e^(−i / 512).
 * @param change Doubles: the matrix row by row, the shift, means, and one over each deviation.
 */
export function jitter(
  to: usize,
  from: usize,
  size: i32,
  rows: i32,
  right: isize,
  down: isize,
  densities: usize,
  transmitted: usize,
  change: usize,
): void {
  for (let y: i32 = 0; y < rows; y++, from += down) {
    let at = from
    for (let x: i32 = 0; x < size; x++, at += right, to += 12) {
      const r = load<f64>(densities + (<usize>load<u8>(at) << 3))
      const g = load<f64>(densities + (<usize>load<u8>(at, 1) << 3))
      const b = load<f64>(densities + (<usize>load<u8>(at, 2) << 3))
      for (let channel: usize = 0; channel < 3; channel++) {
        const entry = change + (channel << 3)
        const density = r * load<f64>(entry) + g * load<f64>(entry, 24) + b * load<f64>(entry, 48) + load<f64>(entry, 72)
        const value = (lightThrough(density, transmitted) - load<f64>(entry, 96)) * load<f64>(entry, 120)
        store<f32>(to + (channel << 2), <f32>value)
      }
    }
  }
}

/** e^−density by straight lines. A density below 0 would be brighter than white: it is white. */
// @ts-ignore: decorator
@inline
function lightThrough(density: f64, transmitted: usize): f64 {
  if (!(density > 0)) return 1
  const at = min(density, DENSEST) * STEPS
  const i = <i32>at
  const here = transmitted + (<usize>i << 2)
  const value = <f64>load<f32>(here)
  return value + (at - <f64>i) * (<f64>load<f32>(here, 4) - value)
}
