/**
 * @file Tiles out of one .npz file as MedMNIST ships it: `train_images` [N, H, W, 3] of bytes, `train_labels` [N, 1] of whole numbers, the same for
 * `val` and `test`. A label is a class's place in the study, or goes through the label map by its number.
 *
 * Source: Yang et al., Scientific Data 10, 2023, https://medmnist.com.
 */
import type { ListOptions } from '../folder.ts'
import { createLabeller, type Labeller, labelUses } from '../label-map.ts'
import { type ListedTile, PARTS, type Part, type TileListing } from '../splits/part.ts'
import { type NpyArray, readNpz } from './archive.ts'
import { npyIntegers, npzRefused } from './npy.ts'

/** MedMNIST+ ends at 224. */
const MAX_SIDE = 4096

/** Lists the tiles by part and row. @throws {TesseraError} ERR_DATA_NPZ, ERR_DATA_CLASSES */
export async function listNpz(file: string, options: ListOptions): Promise<TileListing> {
  const { classes, labelMap } = options
  const arrays = await readNpz(file, new Set(PARTS.flatMap((part) => [`${part}_images`, `${part}_labels`])))
  const labelOf = labelMap === undefined ? byPlace(classes) : createLabeller(classes, labelMap)
  const tiles: ListedTile[] = []
  const counts = new Map<string, number>()
  for (const part of PARTS) {
    const { labels, pixels, height, width } = partArrays(part, arrays)
    const bytes = height * width * 3
    for (const [row, label] of labels.entries()) {
      counts.set(String(label), (counts.get(String(label)) ?? 0) + 1)
      const index = labelOf(String(label))
      if (index === null || index === undefined) continue
      const origin = { pixels: pixels.subarray(row * bytes, (row + 1) * bytes), width, height }
      tiles.push({ origin, name: `row ${row} of ${part}_images`, label: index, part })
    }
  }
  if (counts.size === 0)
    throw npzRefused('hold train_images and train_labels, or val or test', 'none of them')
  const uses = labelUses(counts, labelOf, classes)
  const present = PARTS.filter((part) => tiles.some((tile) => tile.part === part))
  // One part alone is all there is: a file of test tiles only says nothing about how to divide them.
  const hasParts = present.length > 1
  const listed = hasParts ? tiles : tiles.map((tile) => ({ ...tile, part: 'train' as const }))
  return {
    tiles: listed,
    hasParts,
    otherFiles: 0,
    labels: uses.toSorted((a, b) => Number(a.label) - Number(b.label)),
  }
}

function byPlace(classes: readonly string[]): Labeller {
  return (label) => (classes[Number(label)] === undefined ? undefined : Number(label))
}

interface PartArrays {
  readonly labels: readonly number[]
  readonly pixels: Uint8Array
  readonly height: number
  readonly width: number
}

function partArrays(part: Part, arrays: ReadonlyMap<string, NpyArray>): PartArrays {
  const [images, labels] = [arrays.get(`${part}_images`), arrays.get(`${part}_labels`)]
  if (images === undefined && labels === undefined) {
    return { labels: [], pixels: new Uint8Array(), height: 0, width: 0 }
  }
  if (images === undefined || labels === undefined) {
    throw npzRefused(`hold both ${part}_images and ${part}_labels`, 'one of them')
  }
  const { shape, kind, itemBytes } = images.header
  const [count = 0, height = 0, width = 0, channels = 0] = shape
  const fits =
    shape.length === 4 && channels === 3 && height > 0 && width > 0 && Math.max(height, width) <= MAX_SIDE
  if (!fits || kind !== 'u' || itemBytes !== 1) {
    throw npzRefused(
      `hold ${part}_images as bytes of shape [N, H, W, 3]`,
      `${kind}${itemBytes} [${shape.join(', ')}]`,
    )
  }
  const numbers = labels.header.shape
  if (numbers[0] !== count || numbers.slice(1).some((size) => size !== 1)) {
    throw npzRefused(`hold ${part}_labels of shape [${count}, 1]`, `[${numbers.join(', ')}]`)
  }
  return {
    labels: npyIntegers(Buffer.from(labels.bytes), labels.header),
    pixels: images.bytes,
    height,
    width,
  }
}
