/**
 * Kernels over the encoded deltas of many sites, coordinate by coordinate. A row is one site's values of a block, float32; rows lie `stride`
 * bytes apart. Nothing here depends on how a model is cut into blocks: each coordinate is computed alone, in the order of the rows.
 *
 * Rows, sums and results have room for a multiple of 16 values: kernels run to that, and what they compute beyond `count` is not looked at.
 */

export { trimmedMean } from './order'
export { quotient, scale, sumOfSquares, weightedSum } from './sums'
export { widenBlocks, widenBrain } from './widen'
