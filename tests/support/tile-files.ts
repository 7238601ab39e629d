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

/** Fills `DIR/CLASS/0.png …` with different noise; returns DIR. */
export async function noiseFolder(counts: Readonly<Record<string, number>>, size = 8): Promise<string> {
  const dir = await temporaryFolder()
  for (const [name, count] of Object.entries(counts)) {
    await mkdir(join(dir, name), { recursive: true })
    for (let i = 0; i < count; i++) {
      await writePng(join(dir, name, `${i}.png`), noisePixels(`${name}/${i}`, size), size)
    }
  }
  return dir
}
