/**
 * @file CRD's memory: for each tile of the site a row of student features and a row of teacher features, as the tile's last visits left them.
 *
 * Source: Tian, Krishnan and Isola, ICLR 2020, section 3.2, https://arxiv.org/abs/1910.10699; RepDistiller's `crd/memory.py`. It never leaves the
 * site: it is part of what a site keeps between rounds.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { NamedValues } from '@tessera/shared/engine'
import { TesseraError } from '@tessera/shared/errors'
import type { TensorSpec, Weights } from '@tessera/shared/model'
import type { CrdMethod } from '@tessera/shared/protocol'
import { createRandom } from '@tessera/shared/random'
import { unitRows } from '../unit-rows.ts'
import type { MethodState } from './method.ts'

/** With the default width two memories of 134 MB, and each step copies both once. */
const MAX_TILES = 1 << 18
/** Names of the two memories, and of the two constants of the scores (crd-loss.ts). */
export const MEMORY = { student: 'crd_student', teacher: 'crd_teacher', scale: 'crd_scale' } as const
/** Before the first batch. */
const NO_SCALE = -1

export interface CrdMemory {
  readonly specs: readonly TensorSpec[]
  readonly weights: () => Weights
  /** Tiles drawn for each batch. */
  readonly drawn: number
}

/**
 * Gives the memory of a site's tiles: rows of random numbers at first, or those that the site kept.
 * @param tiles Number of the site's tiles. When it is no longer that of the state, rows would belong to other tiles: the memory begins anew.
 * @throws {TesseraError} ERR_DATA_FOLDER if there are too many.
 */
export function crdMemory(
  { featureDim, negatives }: CrdMethod,
  tiles: number,
  seed: string,
  state: MethodState | null,
): CrdMemory {
  if (tiles > MAX_TILES) {
    throw new TesseraError(
      'ERR_DATA_FOLDER',
      `data must have at most ${MAX_TILES} tiles for method crd, whose memory has a row for each, got ${tiles}`,
    )
  }
  const rows = [MEMORY.student, MEMORY.teacher].map(
    (name): TensorSpec => ({ name, shape: [tiles, featureDim], kind: 'local-only' }),
  )
  const specs: TensorSpec[] = [...rows, { name: MEMORY.scale, shape: [2], kind: 'local-only' }]
  const fits = specs.every(
    ({ name, shape }) => state?.tensors.get(name)?.length === shape.reduce((product, size) => product * size),
  )
  return {
    specs,
    weights: () =>
      fits && state
        ? new Map(specs.map(({ name }) => [name, state.tensors.get(name) ?? new Float32Array()]))
        : new Map([
            ...rows.map(({ name }) => [name, randomRows(tiles, featureDim, `${seed}/${name}`)] as const),
            [MEMORY.scale, Float32Array.of(NO_SCALE, NO_SCALE)],
          ]),
    drawn: Math.min(negatives, tiles),
  }
}

/** Uniform in ±1/√(C/3), so that a row has about unit length. */
function randomRows(tiles: number, featureDim: number, seed: string): Float32Array {
  const random = createRandom(seed)
  const bound = 1 / Math.sqrt(featureDim / 3)
  return Float32Array.from({ length: tiles * featureDim }, () => random.uniform(-bound, bound))
}

/** Draws `count` different ones of `tiles` numbers; all of them, in order, when there are no more. */
export function drawTiles(tiles: number, count: number, seed: string): Int32Array {
  if (count >= tiles) return Int32Array.from({ length: tiles }, (_, i) => i)
  const random = createRandom(seed)
  // Floyd's draw: as many steps as numbers wanted, whatever they are drawn from.
  const drawn = new Set<number>()
  for (let last = tiles - count; last < tiles; last++) {
    const candidate = random.integer(last + 1)
    drawn.add(drawn.has(candidate) ? last : candidate)
  }
  return Int32Array.from(drawn)
}

/**
 * Returns the memory with the rows of a batch's tiles moved:  row ← unit(μ·row + (1 − μ)·v).
 * @param memory [n, C]. @param indices [B] int32, all different. @param features v, [B, C].
 */
export function remembered(
  memory: tf.Tensor2D,
  indices: tf.Tensor1D,
  features: tf.Tensor2D,
  momentum: number,
): tf.Tensor2D {
  return tf.tidy(() => {
    const before = tf.gather(memory, indices)
    const after = unitRows(tf.add(tf.mul(before, momentum), tf.mul(features, 1 - momentum)))
    // Of a copy: the kernel of back end cpu writes into what it is given.
    const copy = tf.add<tf.Tensor2D>(memory, 0)
    return tf.tensorScatterUpdate(copy, tf.expandDims(indices, 1), after)
  })
}

/** Names of what a step is fed of the memory. */
export const MEMORY_FEEDS = { own: 'crdOwn', drawn: 'crdDrawn', drawnLabels: 'crdDrawnLabels' } as const

/** What a step is fed: places of the batch's tiles and of the drawn ones, and the classes of the drawn. */
export function memoryFeeds(own: Int32Array, drawn: Int32Array, labels: Int32Array): NamedValues {
  const drawnLabels = drawn.map((tile) => labels[tile] ?? 0)
  return new Map([
    [MEMORY_FEEDS.own, { shape: [own.length], values: own }],
    [MEMORY_FEEDS.drawn, { shape: [drawn.length], values: drawn }],
    [MEMORY_FEEDS.drawnLabels, { shape: [drawn.length], values: drawnLabels }],
  ])
}
