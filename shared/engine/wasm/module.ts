/**
 * @file Our own kernels as a second WebAssembly module in the memory of the stock back end.
 *
 * The stock module keeps its memory to itself, so it is caught at the one moment it passes by: its instantiation. Ours imports
 * it. It has no data, stack or allocator there (tests/shared/engine/wasm/module.test.ts), only reads and writes what it is told.
 */
import { readFile } from 'node:fs/promises'
import { TesseraError } from '../../errors.ts'

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

/** What assembly/*.ts exports; arguments without a comment are byte addresses or counts of elements. */
export interface Kernels {
  packPanels(b: number, packed: number, k: number, n: number, rowStride: number, columnStride: number): void
  gemm(
    a: number,
    packed: number,
    c: number,
    m: number,
    n: number,
    k: number,
    lda: number,
    accumulate: number,
  ): void
  gemmTransposedA(a: number, b: number, c: number, m: number, i: number, j: number): void
  transpose(from: number, to: number, rows: number, columns: number): void
  imageToColumns(image: number, columns: number, ...window: Window): void
  columnsToImage(columns: number, image: number, ...window: Window): void
  depthwise(x: number, filter: number, y: number, frame: number, batch: number, ...window: Window): void
  depthwiseInputGradient(
    dy: number,
    filter: number,
    dx: number,
    frame: number,
    batch: number,
    ...window: Window
  ): void
  depthwiseFilterGradient(
    x: number,
    dy: number,
    dFilter: number,
    frame: number,
    batch: number,
    ...window: Window
  ): void
  flipTaps(filter: number, flipped: number, taps: number, channels: number): void
  moments(x: number, mean: number, variance: number, rows: number, channels: number): void
  normalise(
    x: number,
    gamma: number,
    beta: number,
    mean: number,
    variance: number,
    y: number,
    factor: number,
    rows: number,
    channels: number,
    epsilon: number,
    withSwish: number,
  ): void
  normaliseGradientSums(
    x: number,
    dy: number,
    gamma: number,
    beta: number,
    mean: number,
    variance: number,
    dz: number,
    dGamma: number,
    dBeta: number,
    scratch: number,
    rows: number,
    channels: number,
    epsilon: number,
    withSwish: number,
  ): void
  normaliseGradient(
    x: number,
    dz: number,
    gamma: number,
    mean: number,
    variance: number,
    dGamma: number,
    dBeta: number,
    dx: number,
    factors: number,
    rows: number,
    channels: number,
    epsilon: number,
    throughStatistics: number,
  ): void
  columnSums(x: number, sums: number, rows: number, channels: number, factor: number): void
  averagePool(x: number, y: number, batch: number, pixels: number, channels: number): void
  averageGradient(dy: number, dx: number, batch: number, pixels: number, channels: number): void
  scale(x: number, s: number, y: number, batch: number, pixels: number, channels: number): void
  scaleGradient(
    x: number,
    s: number,
    dy: number,
    dx: number,
    ds: number,
    batch: number,
    pixels: number,
    channels: number,
  ): void
  sigmoid(x: number, y: number, count: number): void
  swish(x: number, y: number, count: number): void
  swishGradient(x: number, dy: number, dx: number, count: number): void
  sgdMomentum(
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
  towards(a: number, b: number, y: number, count: number, keep: number): void
  segmentSum(x: number, ids: number, sums: number, rows: number, width: number, segments: number): void
}

/** The part of the global WebAssembly that is used here: the declarations of Node 20 leave it out. */
declare const WebAssembly: {
  instantiate: Instantiate
  Memory: new (...unused: never[]) => Memory
}
type Memory = object
interface Instance {
  exports: Record<string, unknown>
}
type Instantiate = (source: unknown, imports?: object) => Promise<Instance & { instance?: Instance }>

/**
 * Runs `start` and returns the memory of the WebAssembly module that it instantiates.
 * @throws {TesseraError} ERR_ENGINE_UNAVAILABLE if it instantiates none that exports a memory.
 */
export async function catchMemory(start: () => Promise<void>): Promise<Memory> {
  const original = WebAssembly.instantiate
  const caught: Memory[] = []
  WebAssembly.instantiate = async (source, imports) => {
    const result = await original.call(WebAssembly, source, imports)
    // A compiled module gives an instance, bytes give a pair of module and instance.
    const { exports } = result.instance ?? result
    for (const value of Object.values(exports)) {
      if (value instanceof WebAssembly.Memory) caught.push(value)
    }
    return result
  }
  try {
    await start()
  } finally {
    WebAssembly.instantiate = original
  }
  const memory = caught.at(-1)
  if (memory === undefined) {
    throw new TesseraError('ERR_ENGINE_UNAVAILABLE', 'wasm back end must export its memory, got none')
  }
  return memory
}

/** Instantiates kernels.wasm in `memory`. */
export async function loadKernels(memory: Memory): Promise<Kernels> {
  const binary = await readFile(new URL('kernels.wasm', import.meta.url))
  const { instance } = await WebAssembly.instantiate(binary, { env: { memory } })
  return instance?.exports as unknown as Kernels
}
