/**
 * @file What kernels.wasm exports, as its callers see it. Arguments without a comment are byte addresses or counts of elements.
 */

/** Geometry of a convolution: image height, width, channels; filter height, width; strides; padding; output height, width. */
export type Window = [
  height: number,
  width: number,
  channels: number,
  filterHeight: number,
  filterWidth: number,
  strideY: number,
  strideX: number,
  padTop: number,
  padLeft: number,
  outHeight: number,
  outWidth: number,
]

/** Kernels that one thread runs from beginning to end. */
export interface WholeKernels {
  writeConstants(to: number): void
  clear(to: number, bytes: number): void
  transpose(from: number, to: number, rows: number, columns: number): void
  flipTaps(filter: number, flipped: number, taps: number, channels: number): void
  mergeParts(
    parts: number,
    mean: number,
    variance: number,
    part: number,
    rows: number,
    channels: number,
  ): void
  inverseDeviations(variance: number, inverse: number, channels: number, epsilon: number): void
  factors(gamma: number, variance: number, factor: number, channels: number, epsilon: number): void
  gradientTerms(
    factor: number,
    inverse: number,
    dGamma: number,
    dBeta: number,
    slopes: number,
    shifts: number,
    rows: number,
    channels: number,
    throughStatistics: number,
  ): void
  segmentSum(x: number, ids: number, sums: number, rows: number, width: number, segments: number): void
}

/** Kernels cut into tasks, without the two arguments that every one of them begins with: the task and the thread's lane. */
export interface PartedKernels {
  packPanels(
    panels: number,
    b: number,
    packed: number,
    k: number,
    n: number,
    rowStride: number,
    columnStride: number,
  ): void
  gemm(
    rows: number,
    columns: number,
    a: number,
    packed: number,
    c: number,
    m: number,
    n: number,
    k: number,
    lda: number,
    accumulate: number,
  ): void
  gemmTransposedA(
    rows: number,
    group: number,
    a: number,
    b: number,
    c: number,
    m: number,
    i: number,
    j: number,
  ): void
  thin(
    columns: number,
    scratchBytes: number,
    a: number,
    b: number,
    c: number,
    scratch: number,
    m: number,
    n: number,
    k: number,
  ): void
  thinTransposed(columns: number, a: number, b: number, c: number, m: number, n: number, k: number): void
  imageToColumns(part: number, x: number, columns: number, images: number, ...window: Window): void
  convolve(
    part: number,
    scratchBytes: number,
    x: number,
    packed: number,
    y: number,
    scratch: number,
    n: number,
    images: number,
    ...window: Window
  ): void
  convolveInputGradient(
    scratchBytes: number,
    dy: number,
    packed: number,
    dx: number,
    scratch: number,
    n: number,
    ...window: Window
  ): void
  depthwise(
    bandRows: number,
    frameBytes: number,
    x: number,
    filter: number,
    y: number,
    frames: number,
    ...window: Window
  ): void
  depthwiseInputGradient(
    frameBytes: number,
    dy: number,
    filter: number,
    dx: number,
    frames: number,
    ...window: Window
  ): void
  depthwiseFilterGradient(
    images: number,
    bandRows: number,
    frameBytes: number,
    x: number,
    dy: number,
    sums: number,
    frames: number,
    batch: number,
    ...window: Window
  ): void
  partMoments(part: number, x: number, parts: number, rows: number, channels: number): void
  normalise(
    part: number,
    x: number,
    beta: number,
    mean: number,
    factor: number,
    y: number,
    rows: number,
    channels: number,
    constants: number,
    withSwish: number,
  ): void
  normaliseGradientSums(
    part: number,
    x: number,
    dy: number,
    beta: number,
    mean: number,
    inverse: number,
    factor: number,
    dz: number,
    sums: number,
    rows: number,
    channels: number,
    constants: number,
    withSwish: number,
  ): void
  normaliseGradient(
    part: number,
    x: number,
    dz: number,
    mean: number,
    factor: number,
    slopes: number,
    shifts: number,
    dx: number,
    rows: number,
    channels: number,
  ): void
  columnSums(group: number, x: number, sums: number, rows: number, channels: number, factor: number): void
  averagePool(images: number, x: number, y: number, batch: number, pixels: number, channels: number): void
  averageGradient(
    images: number,
    dy: number,
    dx: number,
    batch: number,
    pixels: number,
    channels: number,
  ): void
  scale(
    images: number,
    x: number,
    s: number,
    y: number,
    batch: number,
    pixels: number,
    channels: number,
  ): void
  scaleGradient(
    images: number,
    x: number,
    s: number,
    dy: number,
    dx: number,
    ds: number,
    batch: number,
    pixels: number,
    channels: number,
  ): void
  sigmoid(block: number, x: number, y: number, count: number, constants: number): void
  swish(block: number, x: number, y: number, count: number, constants: number): void
  swishGradient(block: number, x: number, dy: number, dx: number, count: number, constants: number): void
  sgdMomentum(
    block: number,
    weight: number,
    gradient: number,
    velocity: number,
    newWeight: number,
    newVelocity: number,
    count: number,
    rate: number,
    momentum: number,
    decay: number,
  ): void
  copyRows(
    part: number,
    from: number,
    to: number,
    rows: number,
    bytes: number,
    fromStride: number,
    toStride: number,
  ): void
  logSumExp(
    part: number,
    x: number,
    largest: number,
    sums: number,
    rows: number,
    columns: number,
    constants: number,
  ): void
  logSumExpGradient(
    part: number,
    x: number,
    y: number,
    dy: number,
    dx: number,
    rows: number,
    columns: number,
    constants: number,
  ): void
  add(block: number, a: number, b: number, y: number, count: number): void
  towards(block: number, a: number, b: number, y: number, count: number, keep: number): void
  sumParts(
    block: number,
    x: number,
    y: number,
    parts: number,
    stride: number,
    count: number,
    add: number,
  ): void
}

/** A parted kernel as it is exported. */
export type Part = (task: number, lane: number, ...rest: number[]) => void
