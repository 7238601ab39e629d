/** @file What an encoded delta must be judged by, in one pass over its blocks: the first tensor that is not finite, and its norm. */
import { type DeltaBlock, INT8_BLOCK } from '../delta/index.ts'
import { startKernels } from './load.ts'

export interface Inspection {
  /** Takes the next block's bytes. */
  add(block: DeltaBlock, bytes: Uint8Array): void
  /** Name of the first tensor that holds a NaN or an infinity, decoded; null when all are finite. */
  readonly nonFinite: string | null
  /** L2 norm over the trainable tensors; sums in float64. */
  readonly norm: number
}

/** @param blocks All that will be added: they set the size of the memory. */
export function createInspection(blocks: readonly DeltaBlock[]): Inspection {
  const encoded = Math.ceil(Math.max(0, ...blocks.map(({ bytes }) => bytes)) / 64) * 64 + 64
  const widened = 4 * Math.max(0, ...blocks.flatMap(({ pieces }) => pieces.map(({ elements }) => elements)))
  const { kernels, memory } = startKernels(encoded + widened + 64)
  const own = new Uint8Array(memory.buffer)
  let nonFinite: string | null = null
  let squares = 0
  return {
    add({ pieces }, bytes) {
      own.set(bytes)
      for (const { tensor, kind, encoding, elements, offset } of pieces) {
        if (encoding === 'bf16') kernels.widenBrain(offset, encoded, elements)
        if (encoding === 'int8') kernels.widenBlocks(offset, encoded, elements, INT8_BLOCK)
        const sum = kernels.sumOfSquares(encoding === 'f32' ? offset : encoded, elements)
        if (!Number.isFinite(sum)) nonFinite ??= tensor
        if (kind === 'trainable') squares += sum
      }
    },
    get nonFinite() {
      return nonFinite
    },
    get norm() {
      return Math.sqrt(squares)
    },
  }
}
