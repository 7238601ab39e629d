/**
 * Kernels that make batches of tiles: JPEG, RandAugment, normalisation. The module has a memory of its own, and the caller says what
 * lies where in it: every pointer is a byte address. A kernel may write, and read without using it, up to 64 bytes past the end of an array.
 */

export { setComponent, setFactors } from './component'
export { buildHuffman } from './huffman'
export { applyTable, countLevels, saturate, sumGrey } from './levels'
export { normalise, orient } from './output'
export { reconstruct } from './planes'
export { writeRgb } from './rgb'
export { decodeScan } from './scan'
export { sharpen } from './sharpness'
export { jitter } from './stain'
export { warp } from './warp'

/** First address that is the caller's. */
export function heapBase(): usize {
  return __heap_base
}
