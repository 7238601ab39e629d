/** @file Teachers from ONNX files, with what they have computed kept in the site's folder. */
import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { OnnxTeacher, Study } from '@tessera/shared/protocol'
import type { FrozenTeacher } from '../distill/index.ts'
import { openFeatureCache } from './feature-cache.ts'
import { featureCacheFile, frozenTeacher, rowLengthOf } from './frozen-teacher.ts'
import { createOnnxTeacher } from './onnx-teacher.ts'

/** Largest cache of a teacher: 200,000 rows of 1,280 features, 25,000 tiles in their eight orientations. */
const MAX_CACHE_BYTES = 1024 * 1024 * 1024
/** Caches kept in a site's folder: of the teachers used last. */
const KEPT_CACHES = 3

export interface OpenTeacherOptions {
  /** The ONNX file. */
  readonly bytes: Uint8Array
  readonly teacher: OnnxTeacher
  readonly augment: Study['training']['augment']
  /** Where caches live. */
  readonly dir: string
}

/**
 * Opens a study's ONNX teacher. Features are kept on the disk when views of a tile come again: not with stain jitter.
 * @throws {TesseraError} ERR_MODEL_HASH, ERR_ONNX_FILE, ERR_ONNX_RUN, ERR_STORE_WRITE
 */
export async function openOnnxTeacher(options: OpenTeacherOptions): Promise<FrozenTeacher> {
  const { bytes, teacher, augment, dir } = options
  const tiles = await createOnnxTeacher(bytes, teacher)
  if (augment !== 'none' && augment !== 'flips') return frozenTeacher(tiles, null)
  const file = featureCacheFile(dir, teacher)
  await removeOld(dir, basename(file))
  const cache = await openFeatureCache({ file, rowLength: rowLengthOf(teacher), maxBytes: MAX_CACHE_BYTES })
  return frozenTeacher(tiles, cache)
}

async function removeOld(dir: string, own: string): Promise<void> {
  const names = await readdir(dir).catch(() => [])
  const others = await Promise.all(
    names
      .filter((name) => name !== own)
      .map(async (name) => ({ name, usedMs: (await stat(join(dir, name)).catch(() => null))?.mtimeMs ?? 0 })),
  )
  const old = others.toSorted((a, b) => b.usedMs - a.usedMs).slice(KEPT_CACHES - 1)
  for (const { name } of old) await rm(join(dir, name), { force: true })
}
