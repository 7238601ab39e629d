/**
 * Kernels that work in the memory of the stock WebAssembly back end. Every pointer is a byte address there, every tensor is
 * float32, row-major, NHWC. The module has no data, no stack and no allocator of its own: what it needs for a while comes in
 * as a scratch address.
 *
 * Loads may run up to 12 bytes past the end of a tensor (a vector over the last 1 to 3 channels); the lanes they fill are
 * never stored. dlmalloc always keeps its own footer of 40 bytes behind the last block, so such a load stays inside the memory.
 */

export { moments, normalise, normaliseGradient, normaliseGradientSums } from './batch-norm'
export { averageGradient, averagePool, columnSums, scale, scaleGradient } from './channels'
export { columnsToImage, imageToColumns } from './columns'
export { depthwise, depthwiseFilterGradient, depthwiseInputGradient, flipTaps } from './depthwise'
export { segmentSum, sgdMomentum, sigmoid, swish, swishGradient, towards } from './elementwise'
export { gemm, gemmTransposedA, packPanels, transpose } from './gemm'
