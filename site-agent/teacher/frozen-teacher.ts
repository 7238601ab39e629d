/**
 * @file A frozen teacher for whole batches, with what it has computed kept on the disk.
 *
 * A row is kept under the SHA-256 of the very numbers that the teacher is given: the tile as it is turned, mirrored and normalised in this
 * epoch. So it is right for any augmentation; it pays where views come again: without augmentation from the second epoch on, with the
 * eight turns and flips after some epochs. Stain jitter never gives the same view twice: then open no cache.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { OnnxTeacher } from '@tessera/shared/protocol'
import { sha256Hex } from '@tessera/shared/security'
import type { FrozenTeacher } from '../distill/index.ts'
import type { FeatureCache } from './feature-cache.ts'
import type { TileTeacher } from './onnx-teacher.ts'

/** Version of what is kept: another preparation of tiles must not find the rows of this one. */
const VERSION = 1

/** Name of a teacher's cache in `dir`: its hash, its preparation of tiles, and what is read of it. */
export function featureCacheFile(dir: string, { sha256, input, features, logits }: OnnxTeacher): string {
  return join(dir, `${sha256Hex(JSON.stringify([VERSION, sha256, input, features, logits ?? null]))}.rows`)
}

/** Values in a cached row: D features and N logits. */
export function rowLengthOf({ featureWidth, logits }: OnnxTeacher): number {
  return featureWidth + (logits?.classes ?? 0)
}

/** Builds it. Both arguments are freed with it. */
export function frozenTeacher(teacher: TileTeacher, cache: FeatureCache | null): FrozenTeacher {
  const { featureWidth, classes } = teacher
  const rowOf = async (tile: Float32Array, sizePx: number): Promise<Float32Array> => {
    if (cache === null) return teacher.row(tile, sizePx)
    const bytes = new Uint8Array(tile.buffer, tile.byteOffset, tile.byteLength)
    const key = createHash('sha256').update(`${sizePx}/`).update(bytes).digest()
    const known = await cache.get(key)
    if (known !== null) return known
    const row = await teacher.row(tile, sizePx)
    await cache.put(key, row)
    return row
  }
  return {
    featureWidth,
    classes,
    async outputs(images, count, sizePx) {
      const length = sizePx * sizePx * 3
      const features = new Float32Array(count * featureWidth)
      const logits = classes === null ? null : new Float32Array(count * classes)
      let next = 0
      const work = async (): Promise<void> => {
        while (next < count) {
          const tile = next++
          const row = await rowOf(images.subarray(tile * length, (tile + 1) * length), sizePx)
          features.set(row.subarray(0, featureWidth), tile * featureWidth)
          if (classes !== null) logits?.set(row.subarray(featureWidth), tile * classes)
        }
      }
      await Promise.all(Array.from({ length: Math.min(teacher.parallel, count) }, work))
      return { features, logits }
    },
    async dispose() {
      await Promise.all([teacher.dispose(), cache?.close()])
    },
  }
}
