/** @file The kernels that the engine benchmark times, at sizes that EfficientNet meets. */
import * as tf from '@tensorflow/tfjs-core'
import { batchNormTrain, scaleChannels, swish } from '@tessera/shared/engine'

export interface KernelCase {
  name: string
  /** 10⁹ float operations of one run; null where counting them says nothing. */
  gigaflops: number | null
  inputs: () => tf.Tensor[]
  run: (inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[]
}

type Attributes = Parameters<ReturnType<typeof tf.engine>['runKernel']>[2]

function kernel(name: string, inputs: Record<string, tf.Tensor | undefined>, attributes: object): tf.Tensor {
  return tf.engine().runKernel(name, inputs as tf.NamedTensorMap, attributes as Attributes)
}

function matMul(transposeA: boolean, transposeB: boolean): KernelCase {
  return {
    name: `matMul 512³, transposed ${transposeA}, ${transposeB}`,
    gigaflops: (2 * 512 ** 3) / 1e9,
    inputs: () => [tf.randomNormal([512, 512]), tf.randomNormal([512, 512])],
    run: ([a, b]) => kernel(tf.BatchMatMul, { a, b }, { transposeA, transposeB }),
  }
}

/** Convolution of 32 images and its two gradients. */
function convolution(
  sizePx: number,
  inputs: number,
  outputs: number,
  size: number,
  stride: number,
): KernelCase[] {
  const out = sizePx / stride
  const pad = (size - 1) / 2
  const gigaflops = (2 * 32 * out * out * inputs * outputs * size * size) / 1e9
  const how = { strides: stride, pad, dataFormat: 'NHWC', dilations: 1 }
  const shapes = {
    x: [32, sizePx, sizePx, inputs],
    filter: [size, size, inputs, outputs],
    dy: [32, out, out, outputs],
  }
  const name = `conv ${size}×${size} /${stride}, ${sizePx}² ${inputs} to ${outputs}`
  const [x, filter, dy] = Object.values(shapes).map((shape) => () => tf.randomNormal(shape)) as [
    () => tf.Tensor,
    () => tf.Tensor,
    () => tf.Tensor,
  ]
  return [
    {
      name,
      gigaflops,
      inputs: () => [x(), filter()],
      run: ([x, filter]) => kernel(tf.Conv2D, { x, filter }, how),
    },
    {
      name: `${name}, input gradient`,
      gigaflops,
      inputs: () => [dy(), filter()],
      run: ([dy, filter]) => kernel(tf.Conv2DBackpropInput, { dy, filter }, { ...how, inputShape: shapes.x }),
    },
    {
      name: `${name}, filter gradient`,
      gigaflops,
      inputs: () => [x(), dy()],
      run: ([x, dy]) => kernel(tf.Conv2DBackpropFilter, { x, dy }, { ...how, filterShape: shapes.filter }),
    },
  ]
}

/** Depthwise convolution of 32 images and its two gradients. */
function depthwise(sizePx: number, channels: number, size: number, stride: number): KernelCase[] {
  const out = sizePx / stride
  const gigaflops = (2 * 32 * out * out * channels * size * size) / 1e9
  const how = { strides: stride, pad: (size - 1) / 2, dataFormat: 'NHWC', dilations: 1 }
  const xShape = [32, sizePx, sizePx, channels]
  const filterShape = [size, size, channels, 1]
  const x = (): tf.Tensor => tf.randomNormal(xShape)
  const filter = (): tf.Tensor => tf.randomNormal(filterShape)
  const dy = (): tf.Tensor => tf.randomNormal([32, out, out, channels])
  const name = `depthwise ${size}×${size} /${stride}, ${sizePx}² ${channels}`
  return [
    {
      name,
      gigaflops,
      inputs: () => [x(), filter()],
      run: ([x, filter]) => kernel(tf.DepthwiseConv2dNative, { x, filter }, how),
    },
    {
      name: `${name}, input gradient`,
      gigaflops,
      inputs: () => [dy(), filter()],
      run: ([dy, filter]) =>
        kernel(tf.DepthwiseConv2dNativeBackpropInput, { dy, filter }, { ...how, inputShape: xShape }),
    },
    {
      name: `${name}, filter gradient`,
      gigaflops,
      inputs: () => [x(), dy()],
      run: ([x, dy]) => kernel(tf.DepthwiseConv2dNativeBackpropFilter, { x, dy }, { ...how, filterShape }),
    },
  ]
}

const wide = (): tf.Tensor4D => tf.randomNormal([32, 32, 32, 48])
const ones = (): tf.Tensor => tf.ones([48])

export const KERNELS: readonly KernelCase[] = [
  matMul(false, false),
  matMul(false, true),
  matMul(true, false),
  matMul(true, true),
  ...convolution(16, 96, 16, 1, 1),
  ...convolution(64, 3, 8, 3, 2),
  ...depthwise(32, 48, 3, 1),
  ...depthwise(16, 96, 5, 2),
  {
    name: 'mean over N·H·W of 1.6 M',
    gigaflops: null,
    inputs: () => [wide()],
    run: ([x]) => tf.mean(x as tf.Tensor, [0, 1, 2]),
  },
  {
    name: 'sigmoid of 1.6 M',
    gigaflops: null,
    inputs: () => [wide()],
    run: ([x]) => tf.sigmoid(x as tf.Tensor),
  },
  {
    name: 'swish of 1.6 M',
    gigaflops: null,
    inputs: () => [wide()],
    run: ([x]) => swish(x as tf.Tensor),
  },
  {
    name: 'batch norm and swish of 1.6 M',
    gigaflops: null,
    inputs: () => [wide(), ones(), ones()],
    run: ([x, gamma, beta]) =>
      batchNormTrain(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, 1e-5, 'swish').y,
  },
  {
    name: 'batch norm and swish of 1.6 M, with gradients',
    gigaflops: null,
    inputs: () => [wide(), ones(), ones(), wide()],
    run: ([x, gamma, beta, dy]) =>
      tf.grads((x, gamma, beta) => {
        return batchNormTrain(x as tf.Tensor4D, gamma as tf.Tensor1D, beta as tf.Tensor1D, 1e-5, 'swish').y
      })([x, gamma, beta] as tf.Tensor[], dy),
  },
  {
    name: 'scale channels of 1.6 M',
    gigaflops: null,
    inputs: () => [wide(), tf.ones([32, 1, 1, 48])],
    run: ([x, s]) => scaleChannels(x as tf.Tensor4D, s as tf.Tensor4D),
  },
]
