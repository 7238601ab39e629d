/** @file The library's pixels as ours. */

/**
 * RGB on white of 0xAARRGGBB pixels whose colours are multiplied by alpha: c + 255 − a. White, as the light that the glass lets through: what was not
 * scanned is no tissue.
 *
 * @returns `[pixels, 3]` bytes.
 */
export function onWhite(pixels: Uint32Array): Uint8Array {
  const rgb = new Uint8Array(pixels.length * 3)
  for (let i = 0, to = 0; i < pixels.length; i++) {
    const pixel = pixels[i] as number
    const rest = 255 - (pixel >>> 24)
    // A colour above its alpha is no colour: it stays at white.
    rgb[to++] = Math.min(255, ((pixel >>> 16) & 255) + rest)
    rgb[to++] = Math.min(255, ((pixel >>> 8) & 255) + rest)
    rgb[to++] = Math.min(255, (pixel & 255) + rest)
  }
  return rgb
}
