/**
 * Kernels that work in the memory of the stock WebAssembly back end. Every pointer is a byte address there, every tensor is
 * float32, row-major, NHWC. The module has no data, no stack and no allocator of its own: what it needs for a while comes in
 * as a scratch address.
 *
 * A kernel that begins with `task` and `lane` does one part of its work, so that several threads can do the others. Which part
 * is set by the task and the shapes alone, never by how many threads there are, and no two tasks write the same place: the
 * bits are the same for any number of threads. `lane` numbers the thread, 0 for the main one: it chooses a piece of scratch.
 *
 * Loads may run up to 12 bytes past the end of a tensor (a vector over the last 1 to 3 channels); the lanes they fill are
 * never stored. dlmalloc always keeps its own footer of 40 bytes behind the last block, so such a load stays inside the memory.
 */

export { sigmoid, swish, swishGradient, writeConstants } from './activations'
export { factors, inverseDeviations, normalise } from './batch-norm'
export { gradientTerms, normaliseGradient, normaliseGradientSums } from './batch-norm-gradient'
export { averageGradient, averagePool, columnSums, scale, scaleGradient } from './channels'
export { convolve, convolveInputGradient, imageToColumns } from './columns'
export { clear, copyRows } from './copy'
export { depthwise, flipTaps } from './depthwise'
export { depthwiseFilterGradient, depthwiseInputGradient } from './depthwise-gradients'
export { add, segmentSum, sgdMomentum, sumParts, towards } from './elementwise'
export { gemm } from './gemm'
export { gemmTransposedA } from './gemm-transposed'
export { logSumExp, logSumExpGradient } from './log-sum-exp'
export { mergeParts, partMoments } from './moments'
export { packPanels, transpose } from './pack'
export { thin, thinTransposed } from './thin'
