/**
 * @file EfficientNet in scalar loops, float64, NCHW: written from torchvision's models/efficientnet.py and PyTorch's definitions of
 * convolution and batch norm, with nothing of the code under test but the weights.
 */
import type { Weights } from '@tessera/shared/model'
import type { Plan } from '../../../../shared/model/efficientnet.ts'

/** images[b][c][y][x] */
export type Maps = number[][][][]

const grid = <T>(size: number, at: (i: number) => T): T[] => Array.from({ length: size }, (_, i) => at(i))
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const silu = (x: number): number => x * sigmoid(x)
const sum = (xs: number[]): number => xs.reduce((total, x) => total + x, 0)

export interface ScalarResult {
  features: number[][]
  logits: number[][]
  statistics: Map<string, number[]>
}

/** @param branchScale Factor of the residual branch of block `block` in image `row`: 1 without stochastic depth. */
export function scalarForward(
  plan: Plan,
  weights: Weights,
  images: Maps,
  training: boolean,
  branchScale: (block: number, row: number) => number = () => 1,
): ScalarResult {
  const statistics = new Map<string, number[]>()
  const w = (name: string): Float32Array => {
    const values = weights.get(name)
    if (!values) throw new Error(`no ${name}`)
    return values
  }

  /** Weights [out, in / groups, k, k], zeros outside the image, (k − 1) / 2 of them on each side. */
  const convolve = (
    x: Maps,
    name: string,
    outputs: number,
    kernel: number,
    stride: number,
    groups = 1,
  ): Maps => {
    const filter = w(`${name}.weight`)
    const inputs = (x[0]?.length ?? 0) / groups
    const size = (length: number): number => Math.floor((length - 1) / stride) + 1
    const reach = (kernel - 1) / 2
    return x.map((image) =>
      grid(outputs, (o) =>
        grid(size(image[0]?.length ?? 0), (row) =>
          grid(size(image[0]?.[0]?.length ?? 0), (column) => {
            let total = 0
            for (let i = 0; i < inputs; i++) {
              const channel = image[Math.floor(o / (outputs / groups)) * inputs + i]
              for (let dy = 0; dy < kernel; dy++) {
                for (let dx = 0; dx < kernel; dx++) {
                  const pixel = channel?.[row * stride + dy - reach]?.[column * stride + dx - reach] ?? 0
                  total += pixel * (filter[((o * inputs + i) * kernel + dy) * kernel + dx] ?? 0)
                }
              }
            }
            return total
          }),
        ),
      ),
    )
  }

  const norm = (x: Maps, name: string, activation: (x: number) => number): Maps => {
    const channels = x[0]?.length ?? 0
    const read = (part: string): number[] => Array.from(w(`${name}.${part}`))
    const [gamma, beta] = [read('weight'), read('bias')]
    const [runningMean, runningVar] = [read('running_mean'), read('running_var')]
    const used = grid(channels, (c) => {
      if (!training) return { mean: runningMean[c] ?? 0, variance: runningVar[c] ?? 0 }
      const values = x.flatMap((image) => image[c]?.flat() ?? [])
      const mean = sum(values) / values.length
      const squares = sum(values.map((v) => (v - mean) ** 2))
      runningMean[c] = 0.9 * (runningMean[c] ?? 0) + 0.1 * mean
      runningVar[c] = 0.9 * (runningVar[c] ?? 0) + (0.1 * squares) / (values.length - 1)
      return { mean, variance: squares / values.length }
    })
    if (training) statistics.set(`${name}.running_mean`, runningMean).set(`${name}.running_var`, runningVar)
    return x.map((image) =>
      image.map((channel, c) => {
        const { mean = 0, variance = 1 } = used[c] ?? {}
        const scale = (gamma[c] ?? 0) / Math.sqrt(variance + 1e-5)
        return channel.map((row) => row.map((v) => activation((v - mean) * scale + (beta[c] ?? 0))))
      }),
    )
  }

  const means = (image: number[][][]): number[] => image.map((c) => sum(c.flat()) / c.flat().length)
  /** Rows of [out, in] times the input, plus the bias. */
  const dense = (x: number[], name: string): number[] =>
    Array.from(
      w(`${name}.bias`),
      (b, o) => b + sum(x.map((v, i) => v * (w(`${name}.weight`)[o * x.length + i] ?? 0))),
    )

  let x = norm(convolve(images, 'features.0.0', plan.stemChannels, 3, 2), 'features.0.1', silu)
  for (const [index, block] of plan.blocks.entries()) {
    const { name, inputChannels, expandedChannels, outputChannels, kernel, stride } = block
    const before = x
    let part = 0
    if (expandedChannels !== inputChannels) {
      x = norm(convolve(x, `${name}.block.0.0`, expandedChannels, 1, 1), `${name}.block.0.1`, silu)
      part = 1
    }
    const depthwise = convolve(
      x,
      `${name}.block.${part}.0`,
      expandedChannels,
      kernel,
      stride,
      expandedChannels,
    )
    x = norm(depthwise, `${name}.block.${part}.1`, silu)
    x = x.map((image) => {
      const squeezed = dense(means(image), `${name}.block.${part + 1}.fc1`).map(silu)
      const gate = dense(squeezed, `${name}.block.${part + 1}.fc2`).map(sigmoid)
      return image.map((channel, c) => channel.map((row) => row.map((v) => v * (gate[c] ?? 0))))
    })
    const project = convolve(x, `${name}.block.${part + 2}.0`, outputChannels, 1, 1)
    x = norm(project, `${name}.block.${part + 2}.1`, (v) => v)
    if (stride === 1 && inputChannels === outputChannels) {
      const scales = x.map((_, b) => branchScale(index, b))
      x = x.map((image, b) =>
        image.map((c, i) =>
          c.map((row, j) => row.map((v, k) => v * (scales[b] ?? 1) + (before[b]?.[i]?.[j]?.[k] ?? 0))),
        ),
      )
    }
  }
  x = norm(convolve(x, `${plan.lastName}.0`, plan.lastChannels, 1, 1), `${plan.lastName}.1`, silu)
  const features = x.map(means)
  return { features, logits: features.map((row) => dense(row, 'classifier.1')), statistics }
}
