/**
 * @file Registers every kernel of ours for the wasm back end. One call a process, after the back end has started.
 */
import { registerBatchNorm } from './batch-norm.ts'
import { registerChannels } from './channels.ts'
import { registerConvolution } from './convolution.ts'
import { registerDepthwise } from './depthwise.ts'
import { registerElementwise } from './elementwise.ts'
import type { Heap } from './heap.ts'
import { registerLogSumExp } from './log-sum-exp.ts'
import { registerMatMul } from './mat-mul.ts'
import { registerPieces } from './pieces.ts'

export function registerKernels(heap: Heap): void {
  registerMatMul(heap)
  registerConvolution(heap)
  registerDepthwise(heap)
  registerBatchNorm(heap)
  registerChannels(heap)
  registerElementwise(heap)
  registerPieces(heap)
  registerLogSumExp(heap)
}

export { createHeap } from './heap.ts'
