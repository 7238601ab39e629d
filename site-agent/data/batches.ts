/**
 * @file Tiles as batches for training and evaluation. A seeded order an epoch; each tile's augmentation hangs on the epoch and the
 * tile alone, so the bits do not depend on when a tile was decoded.
 */
import type { Random } from '@tessera/shared/random'
import type { BatchOptions, TileBatch, TileSource } from '../distill/index.ts'
import { type AugmentName, drawAugmentation, UNCHANGED, writeTile } from './augment.ts'

/** Pixels and labels of decoded tiles. */
export interface DecodedTiles {
  readonly sizePx: number
  /** Class index of each tile. */
  readonly labels: Int32Array
  /** `[sizePx, sizePx, 3]` bytes of a tile. */
  pixels(index: number): Uint8Array | Promise<Uint8Array>
}

/** Builds the source that a trainer reads from. */
export function tileSource(tiles: DecodedTiles, classes: number, skipped: number): TileSource {
  const classCounts = Array.from({ length: classes }, () => 0)
  for (const label of tiles.labels) classCounts[label] = (classCounts[label] ?? 0) + 1
  return {
    sizePx: tiles.sizePx,
    count: tiles.labels.length,
    classCounts,
    skipped,
    batches: (options) => batches(tiles, options),
  }
}

async function* batches(
  tiles: DecodedTiles,
  { random, batchSize, augment }: BatchOptions,
): AsyncGenerator<TileBatch> {
  const indices = Array.from(tiles.labels.keys())
  const order = random === null ? indices : random.shuffled(indices)
  // Drawn from the caller's stream: two epochs of one round differ, the same epoch of a repeated round does not.
  const epoch = random === null ? null : random.fork(`epoch/${random.uint32()}/${random.uint32()}`)
  const load = (start: number): Promise<Uint8Array[]> => {
    const loading = Promise.all(order.slice(start, start + batchSize).map(async (i) => tiles.pixels(i)))
    // A batch that is read ahead and never asked for must not end the process when it fails.
    loading.catch(() => undefined)
    return loading
  }
  let ahead = load(0)
  for (let start = 0; start < order.length; start += batchSize) {
    const pixels = await ahead
    if (start + batchSize < order.length) ahead = load(start + batchSize)
    yield buildBatch(tiles, order.slice(start, start + batchSize), pixels, epoch, augment)
  }
}

function buildBatch(
  { sizePx, labels }: DecodedTiles,
  members: readonly number[],
  pixels: readonly Uint8Array[],
  epoch: Random | null,
  augment: AugmentName,
): TileBatch {
  const tileLength = sizePx * sizePx * 3
  const images = new Float32Array(members.length * tileLength)
  for (const [slot, index] of members.entries()) {
    const augmentation = epoch === null ? UNCHANGED : drawAugmentation(epoch.fork(`tile/${index}`), augment)
    writeTile(images, slot * tileLength, pixels[slot] as Uint8Array, sizePx, augmentation)
  }
  return { images, labels: Int32Array.from(members, (i) => labels[i] as number), size: members.length }
}
