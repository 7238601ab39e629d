/** @file Three short kernels, timed on whatever engine runs: one bound by arithmetic, one between, one bound by memory. */
import * as tf from '@tensorflow/tfjs-core'

/** One kernel's work and speed. */
export interface KernelSpeed {
  readonly name: string
  /** Floating-point operations of one call; 0 where only memory counts. */
  readonly flops: number
  /** Bytes that one call must at least read and write. */
  readonly bytes: number
  /** Of the fastest call. */
  readonly seconds: number
}

const FLOAT_BYTES = 4
const MIN_CALLS = 5

/**
 * Times the kernels; the fastest call counts, because whatever else runs on the machine can only slow one down.
 * @param nowMs A clock that never goes back, in milliseconds.
 * @param budgetMs For each kernel.
 * @param gpu A GPU works behind the program's back: each call is waited for.
 */
export function timeKernels(nowMs: () => number, budgetMs: number, gpu: boolean): KernelSpeed[] {
  return [() => matMul(512), () => depthwise(8, 56, 144), () => halve(8 << 20)].map((kernel) => {
    const { run, inputs, ...work } = kernel()
    const seconds = fastest(gpu ? () => waitedFor(run()) : run, nowMs, budgetMs)
    tf.dispose([...inputs])
    return { ...work, seconds }
  })
}

interface Kernel {
  readonly name: string
  readonly flops: number
  readonly bytes: number
  readonly inputs: readonly tf.Tensor[]
  readonly run: () => tf.Tensor
}

function matMul(n: number): Kernel {
  const [a, b] = [tf.ones([n, n]), tf.ones([n, n])] as const
  return {
    name: `matrix product, ${n}³`,
    flops: 2 * n ** 3,
    bytes: 3 * n * n * FLOAT_BYTES,
    inputs: [a, b],
    run: () => tf.matMul(a, b),
  }
}

function depthwise(images: number, side: number, channels: number): Kernel {
  const x = tf.ones([images, side, side, channels]) as tf.Tensor4D
  const filter = tf.ones([3, 3, channels, 1]) as tf.Tensor4D
  const values = images * side * side * channels
  return {
    name: `depthwise 3 × 3, ${images} × ${side}² × ${channels}`,
    flops: 2 * 9 * values,
    bytes: 2 * values * FLOAT_BYTES,
    inputs: [x, filter],
    run: () => tf.depthwiseConv2d(x, filter, 1, 'same'),
  }
}

function halve(values: number): Kernel {
  const x = tf.ones([values])
  return {
    name: `y = x / 2, ${(values * FLOAT_BYTES) >> 20} MiB`,
    flops: 0,
    bytes: 2 * values * FLOAT_BYTES,
    inputs: [x],
    run: () => tf.mul(x, 0.5),
  }
}

/** Reads one value, which is there only when all are. */
function waitedFor(result: tf.Tensor): tf.Tensor {
  tf.slice(tf.reshape(result, [-1]), [0], [1]).dataSync()
  return result
}

function fastest(run: () => tf.Tensor, nowMs: () => number, budgetMs: number): number {
  let best = Number.POSITIVE_INFINITY
  const startedMs = nowMs()
  for (let call = 0; call < MIN_CALLS || nowMs() - startedMs < budgetMs; call++) {
    const beforeMs = nowMs()
    tf.tidy(() => void run())
    // The first call compiles and allocates.
    if (call > 0) best = Math.min(best, (nowMs() - beforeMs) / 1000)
  }
  return best
}
