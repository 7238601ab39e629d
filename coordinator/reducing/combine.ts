/**
 * @file The sites' stored deltas, combined block by block: in this thread, or on all cores when there is much to do. The bits are the same.
 */
import { availableParallelism } from 'node:os'
import { type DeltaBlock, deltaBlocks } from '@tessera/shared/delta'
import type { Layout } from '@tessera/shared/model'
import type { Encoding } from '@tessera/shared/protocol'
import { blockElements, createBlockReducer, type Reduction } from '@tessera/shared/reduction'
import { rowReader } from './row-reader.ts'
import { combineOnThreads } from './threads.ts'

export interface CombineOptions {
  readonly layout: Layout
  readonly encoding: Encoding
  readonly reduction: Reduction
  /** Descriptors of the files, by row; whoever gives them closes them when the last block is there. */
  readonly descriptors: readonly number[]
  /** 0: this thread. Default: by the work. */
  readonly threads?: number | undefined
}

/** A block of the layout's federated tensors, combined. */
export interface CombinedBlock {
  readonly block: DeltaBlock
  /** Valid until the next block is asked for. */
  readonly values: Float32Array
}

/** Of a mean, what this thread does in some 30 ms: not worth the start of others, and not noticed by who waits for an answer. */
const INLINE_BYTES = 128 * 1024 * 1024
/** Sorting a value takes so much longer than adding it. */
const SORTING_COST = 8
/** More read from one memory than it gives. */
const MOST_THREADS = 8

/** Gives the blocks in order. @throws {TesseraError} ERR_STORE_CORRUPT if a file is shorter than its layout; ERR_AGGREGATION_THREAD */
export async function* combineUpdates(options: CombineOptions): AsyncGenerator<CombinedBlock> {
  const { layout, encoding, reduction, descriptors } = options
  const { combination } = reduction
  const blocks = deltaBlocks(layout, encoding, blockElements(combination, descriptors.length))
  const threads =
    options.threads ?? threadsFor(blocks, combination.kind === 'mean' ? 1 : SORTING_COST, descriptors)
  if (threads > 0) {
    yield* combineOnThreads({ blocks, reduction, descriptors }, threads)
    return
  }
  const reducer = createBlockReducer(reduction, blocks)
  for (const block of blocks) yield { block, values: reducer.reduce(block, rowReader(block, descriptors)) }
}

function threadsFor(blocks: readonly DeltaBlock[], cost: number, descriptors: readonly number[]): number {
  const bytes = descriptors.length * blocks.reduce((sum, block) => sum + block.bytes, 0)
  const threads = Math.min(availableParallelism(), MOST_THREADS, blocks.length)
  return threads > 1 && bytes * cost > INLINE_BYTES ? threads : 0
}
