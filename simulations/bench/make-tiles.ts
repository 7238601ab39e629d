/** @file Draws a folder of procedural tiles, half of them JPEG and half PNG, as hospitals' exports are. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TesseraError } from '@tessera/shared/errors'
import { createRandom } from '@tessera/shared/random'
import sharp from 'sharp'
import { drawScanner, GRADES, renderTile } from '../tiles/index.ts'

export interface MakeOptions {
  /** Gets one folder a class. */
  readonly folder: string
  readonly count: number
  /** Side of a stored tile. */
  readonly storedPx: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number) => void) | undefined
}

/** Quality of the JPEG tiles: what slide scanners store. */
const JPEG_QUALITY = 85

/** Returns the classes, in their order. Equal arguments give equal files. @throws {TesseraError} ERR_INTERRUPTED if stopped. */
export async function makeTiles({
  folder,
  count,
  storedPx,
  signal,
  onProgress,
}: MakeOptions): Promise<string[]> {
  const scanner = drawScanner(createRandom('bench-scanner'))
  for (const grade of GRADES) await mkdir(join(folder, grade), { recursive: true })
  for (let index = 0; index < count; index++) {
    if (signal?.aborted) throw new TesseraError('ERR_INTERRUPTED', 'all tiles must be drawn, got a stop')
    const grade = GRADES[index % GRADES.length] as (typeof GRADES)[number]
    const request = { patient: `bench-${index % 40}`, index, grade, scanner, sizePx: storedPx }
    const image = sharp(renderTile(request), { raw: { width: storedPx, height: storedPx, channels: 3 } })
    const jpeg = Math.floor(index / GRADES.length) % 2 === 0
    const file = jpeg ? image.jpeg({ quality: JPEG_QUALITY }) : image.png({ compressionLevel: 6 })
    await writeFile(join(folder, grade, `${index}.${jpeg ? 'jpg' : 'png'}`), await file.toBuffer())
    onProgress?.(index + 1)
  }
  return [...GRADES]
}
