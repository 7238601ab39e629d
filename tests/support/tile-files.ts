/** @file Image files for tests, made on the spot into a temporary folder. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createRandom } from '@tessera/shared/random'
import sharp from 'sharp'
import { temporaryFolder } from './temporary-folder.ts'

/** `size × size × channels` seeded bytes. */
export function noisePixels(seed: string, size: number, channels = 3): Uint8Array {
  const random = createRandom(seed)
  return Uint8Array.from({ length: size * size * channels }, () => random.integer(256))
}

const VIOLET = [0.65, 0.7, 0.3]
const PINK = [0.1, 0.95, 0.3]

/** Tissue in two stains of these densities: noise has no two stains. The same seed has the same amounts in any stain. */
export function stainedPixels(seed: string, size: number, h = VIOLET, e = PINK): Uint8Array {
  const random = createRandom(seed)
  const pixels = new Uint8Array(size * size * 3)
  for (let at = 0; at < pixels.length; at += 3) {
    const [ofH, ofE] = [random.gamma(2) * 0.4, random.gamma(2) * 0.3]
    for (let c = 0; c < 3; c++) {
      pixels[at + c] = Math.round(255 * Math.exp(-((h[c] as number) * ofH + (e[c] as number) * ofE)))
    }
  }
  return pixels
}

/** Writes a PNG of the pixels; 1 channel is grey, 3 RGB, 4 RGBA. */
export async function writePng(
  file: string,
  pixels: Uint8Array,
  size: number,
  channels: 1 | 3 | 4 = 3,
): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true })
  await sharp(pixels, { raw: { width: size, height: size, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toFile(file)
}

/** Fills `DIR/CLASS/0.png …` with different noise, another for each `seed`; returns DIR. */
export async function noiseFolder(
  counts: Readonly<Record<string, number>>,
  size = 8,
  seed = '',
): Promise<string> {
  const dir = await temporaryFolder()
  for (const [name, count] of Object.entries(counts)) {
    await mkdir(join(dir, name), { recursive: true })
    for (let i = 0; i < count; i++) {
      await writePng(join(dir, name, `${i}.png`), noisePixels(`${seed}${name}/${i}`, size), size)
    }
  }
  return dir
}
