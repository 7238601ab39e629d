/**
 * @file How sharp a tile is: the variance of its Laplacian, in squared grey levels. Low values mean out of focus, or nothing to see.
 *
 *   L_yx = 4 G_yx − G_(y−1)x − G_(y+1)x − G_y(x−1) − G_y(x+1)      over all pixels that have four neighbours
 *
 * Source: Pech-Pacheco et al., ICPR 2000, "Diatom autofocusing in brightfield microscopy". Values depend on size, magnification and tissue: they
 * tell tiles of one set apart, not sets.
 */

/** @returns 0 for tiles below 3 × 3. */
export function laplacianVariance(grey: Float32Array, sizePx: number): number {
  let [sum, squares] = [0, 0]
  for (let y = 1; y < sizePx - 1; y++) {
    for (let at = y * sizePx + 1; at < (y + 1) * sizePx - 1; at++) {
      const value =
        4 * (grey[at] as number) -
        (grey[at - sizePx] as number) -
        (grey[at + sizePx] as number) -
        (grey[at - 1] as number) -
        (grey[at + 1] as number)
      sum += value
      squares += value * value
    }
  }
  const count = Math.max(0, sizePx - 2) ** 2
  return count === 0 ? 0 : Math.max(0, squares / count - (sum / count) ** 2)
}
