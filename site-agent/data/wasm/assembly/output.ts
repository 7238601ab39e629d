/** A tile's bytes, turned, mirrored and as normalised floats (augment.ts tells the order in which pixels are read). */

/** Copies pixels: `right` and `down` are the steps in the source, in bytes, for one in the result. */
export function orient(to: usize, from: usize, size: i32, right: isize, down: isize): void {
  for (let y: i32 = 0; y < size; y++, from += down) {
    let at = from
    // One byte too many each time: the next pixel's, or of the room behind the last one.
    for (let x: i32 = 0; x < size; x++, at += right, to += 3) store<u32>(to, load<u32>(at))
  }
}

/** Writes `rows` rows of floats: the entry of each byte in its channel's 256 of `table`. */
export function normalise(
  to: usize,
  from: usize,
  size: i32,
  rows: i32,
  right: isize,
  down: isize,
  table: usize,
): void {
  for (let y: i32 = 0; y < rows; y++, from += down) {
    let at = from
    for (let x: i32 = 0; x < size; x++, at += right, to += 12) {
      store<f32>(to, load<f32>(table + (<usize>load<u8>(at) << 2)))
      store<f32>(to, load<f32>(table + 1024 + (<usize>load<u8>(at, 1) << 2)), 4)
      store<f32>(to, load<f32>(table + 2048 + (<usize>load<u8>(at, 2) << 2)), 8)
    }
  }
}
