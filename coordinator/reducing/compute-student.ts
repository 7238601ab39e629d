/**
 * @file The student of a round, from the base and the stored deltas, written as it is computed. Done again it gives the same bytes.
 *
 * Memory: a block of some sites' deltas, a window of the base, and one of each vector of the strategy's state; nothing of a model.
 */
import { addTo, allFinite, type DeltaBlock, sumOfSquares } from '@tessera/shared/delta'
import { TesseraError } from '@tessera/shared/errors'
import { elementCount, type Layout } from '@tessera/shared/model'
import type { Study } from '@tessera/shared/protocol'
import { type Aggregator, createAggregator, type Diagnostics, type Part } from '../aggregation/index.ts'
import type { ContentStore, Incoming, StoredFile } from '../store/index.ts'
import { combineUpdates } from './combine.ts'
import { type ModelRewriter, rewriteModel } from './model-rewriter.ts'

/** An update and where its delta is. */
export interface StoredUpdate extends Part {
  /** Name of its encoded delta in the store. */
  readonly payload: string
}

export interface StudentOptions {
  readonly study: Study
  readonly layout: Layout
  /** SHA-256 of the student that the deltas are against. */
  readonly base: string
  /** In the order of site ids. */
  readonly updates: readonly StoredUpdate[]
  /** SHA-256 of the files of the strategy's state after the round before, one a vector; empty before the first round. */
  readonly state: readonly string[]
  readonly models: ContentStore
  readonly deltas: ContentStore
  /** Threads that combine; 0: this one. Default: by the work. */
  readonly threads?: number | undefined
}

export interface ComputedStudent {
  /** SHA-256 of the student's file. */
  readonly student: string
  /** Of the strategy's state after this round. */
  readonly state: readonly string[]
  /** As it stands in the record. */
  readonly strategy: string
  readonly diagnostics: Diagnostics
}

/**
 * Computes and keeps the student.
 * @throws {TesseraError} ERR_STORE_CORRUPT if a stored file is not what its name says; ERR_LAYOUT_MISMATCH if it is of another layout;
 * ERR_UPDATE_NOT_FINITE if the student would not be finite; ERR_STORE_WRITE
 */
export async function computeStudent(options: StudentOptions): Promise<ComputedStudent> {
  const { study, layout, updates, models, deltas } = options
  const aggregator = createAggregator(study.federation.strategy)
  const open = new Set<{ close(): Promise<void> }>()
  const incoming: Incoming[] = []
  const opened = async (store: ContentStore, sha256: string): Promise<StoredFile> => {
    const file = await store.open(sha256)
    open.add(file)
    return file
  }
  const begin = async (of: Layout, from: StoredFile | number): Promise<ModelRewriter> => {
    const to = await models.receive()
    incoming.push(to)
    return rewriteModel(of, from, to)
  }
  try {
    const student = await begin(layout, await opened(models, options.base))
    const learnt = { ...layout, tensors: layout.tensors.filter(({ kind }) => kind === 'trainable') }
    const state: ModelRewriter[] = []
    for (const [i, { initial }] of aggregator.state.entries()) {
      const before = options.state[i]
      state.push(await begin(learnt, before === undefined ? initial : await opened(models, before)))
    }
    const descriptors: number[] = []
    for (const { payload } of updates) descriptors.push((await opened(deltas, payload)).descriptor)

    const step = stepper(layout, aggregator, student, state)
    const combined = combineUpdates({
      layout,
      encoding: study.federation.encoding,
      reduction: {
        combination: aggregator.combine(updates.length),
        weights: updates.map(({ weight }) => weight),
        scales: updates.map(({ scale }) => scale),
      },
      descriptors,
      threads: options.threads,
    })
    for await (const { block, values } of combined) await step.take(block, values)
    for (const file of [student, ...state]) await file.end()
    const [sha256 = '', ...stateHashes] = incoming.map((file) => file.digest())
    for (const file of incoming) await file.keep()
    return {
      student: sha256,
      state: stateHashes,
      strategy: aggregator.name,
      diagnostics: {
        sites: updates.length,
        samples: updates.reduce((sum, { samples }) => sum + samples, 0),
        norm: step.norm(),
        clipped: updates.flatMap(({ site, scale }) => (scale < 1 ? [site] : [])),
      },
    }
  } catch (thrown) {
    for (const file of incoming) await file.discard()
    throw thrown
  } finally {
    for (const file of open) await file.close()
  }
}

/** Moves student and state by the combined blocks, which come in the layout's order. */
function stepper(
  layout: Layout,
  aggregator: Aggregator,
  student: ModelRewriter,
  state: readonly ModelRewriter[],
): { take(block: DeltaBlock, values: Float32Array): Promise<void>; norm(): number } {
  let squares = 0
  /** The layout's tensors not yet begun: what is local-only is passed over. */
  const ahead = [...layout.tensors]
  let current = ''
  const reach = async (tensor: string): Promise<void> => {
    while (current !== tensor) {
      const next = ahead.shift()
      if (next === undefined)
        throw new TesseraError('ERR_INTERNAL', `internal: blocks must be in order, got ${tensor}`)
      current = next.name
      if (current === tensor) return
      for (let left = elementCount(next.shape); left > 0; ) left -= (await student.next(left)).length
    }
  }
  /** The strategy's step of trainable coordinates, in place of their combined values. */
  const moveOn = async (values: Float32Array): Promise<void> => {
    for (let at = 0; at < values.length && state.length > 0; ) {
      const vectors: Float32Array[] = []
      for (const vector of state) vectors.push(await vector.next(values.length - at))
      const length = vectors[0]?.length ?? 0
      aggregator.move(values.subarray(at, at + length), vectors)
      at += length
    }
    squares += sumOfSquares(values)
  }
  return {
    norm: () => Math.sqrt(squares),
    async take({ pieces }, values) {
      let from = 0
      for (const { tensor, kind, elements } of pieces) {
        await reach(tensor)
        const piece = values.subarray(from, from + elements)
        from += elements
        if (kind === 'trainable') await moveOn(piece)
        for (let at = 0; at < elements; ) {
          const stretch = await student.next(elements - at)
          addTo(stretch, piece.subarray(at, at + stretch.length))
          // Statistics have no norm bound: many large ones may overflow, and no site could load such a student.
          if (!allFinite(stretch)) {
            throw new TesseraError(
              'ERR_UPDATE_NOT_FINITE',
              `tensor ${tensor} must stay finite, got an overflow`,
            )
          }
          at += stretch.length
        }
      }
    },
  }
}
