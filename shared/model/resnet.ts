/**
 * @file ResNet-18 and ResNet-50 under torchvision's names, with the stride in a bottleneck's 3 × 3 convolution (version 1.5).
 *
 * Source: He et al., CVPR 2016, table 1, https://arxiv.org/abs/1512.03385; torchvision, models/resnet.py. Differs: any pair of multipliers
 * is allowed; channels are then rounded to multiples of 8, layers rounded up.
 */
import type { Architecture } from './architecture.ts'
import type { Conventions } from './conventions.ts'
import { type Activation, type Graph, IMAGES, type Node, type StageMap } from './graph.ts'
import { makeDivisible } from './round-channels.ts'

export type ResNetName = Extract<Architecture['name'], `resnet-${string}`>

/** How wide and how deep. */
export interface ResNetShape {
  readonly stemChannels: number
  /** `width`: of a block's inner convolutions, `outputs`: of its last one. */
  readonly stages: readonly { readonly width: number; readonly outputs: number; readonly layers: number }[]
  /** True: a block narrows, mixes and widens again. False: it mixes twice. */
  readonly bottleneck: boolean
}

const KINDS: Readonly<
  Record<ResNetName, { readonly layers: readonly number[]; readonly bottleneck: boolean }>
> = {
  'resnet-18': { layers: [2, 2, 2, 2], bottleneck: false },
  'resnet-50': { layers: [3, 4, 6, 3], bottleneck: true },
}

/** True for the blocks that narrow, mix and widen. */
export function hasBottlenecks(name: ResNetName): boolean {
  return KINDS[name].bottleneck
}

/** Gives width and depth of a ResNet: multipliers 1 and 1 are the paper's. */
export function planResNet({
  name,
  widthMultiplier,
  depthMultiplier,
}: Architecture & { readonly name: ResNetName }): ResNetShape {
  const { layers, bottleneck } = KINDS[name]
  return {
    stemChannels: makeDivisible(64 * widthMultiplier),
    stages: layers.map((count, stage) => {
      const width = makeDivisible(64 * 2 ** stage * widthMultiplier)
      return { width, outputs: bottleneck ? 4 * width : width, layers: Math.ceil(count * depthMultiplier) }
    }),
    bottleneck,
  }
}

/** Gives the layers of a ResNet. */
export function resNetGraph(
  { stemChannels, stages, bottleneck }: ResNetShape,
  classes: number,
  { epsilon, momentum }: Conventions,
): Graph {
  const nodes: Node[] = []
  const maps: StageMap[] = []
  const convNorm = (
    names: readonly [convolution: string, norm: string],
    input: string,
    shape: { inputs: number; outputs: number; kernel: number; stride: number },
    activation: Activation,
  ): string => {
    const [convolution, norm] = names
    nodes.push(
      {
        kind: 'convolution',
        name: convolution,
        input,
        ...shape,
        padding: 'symmetric',
        depthwise: false,
      },
      {
        kind: 'norm',
        name: norm,
        input: convolution,
        channels: shape.outputs,
        epsilon,
        momentum,
        activation,
      },
    )
    return norm
  }

  let channels = stemChannels
  const stem = { inputs: 3, outputs: channels, kernel: 7, stride: 2 }
  convNorm(['conv1', 'bn1'], IMAGES, stem, 'relu')
  nodes.push({ kind: 'max-pool', name: 'maxpool', input: 'bn1', channels, kernel: 3, stride: 2 })
  let value = 'maxpool'
  let blocks = 0
  for (const [stage, { width, outputs, layers }] of stages.entries()) {
    for (let layer = 0; layer < layers; layer++) {
      const block = `layer${stage + 1}.${layer}`
      const stride = layer === 0 && stage > 0 ? 2 : 1
      const steps = bottleneck
        ? [
            { inputs: channels, outputs: width, kernel: 1, stride: 1 },
            { inputs: width, outputs: width, kernel: 3, stride },
            { inputs: width, outputs, kernel: 1, stride: 1 },
          ]
        : [
            { inputs: channels, outputs: width, kernel: 3, stride },
            { inputs: width, outputs, kernel: 3, stride: 1 },
          ]
      let branch = value
      for (const [i, step] of steps.entries()) {
        const activation = i < steps.length - 1 ? 'relu' : 'none'
        branch = convNorm([`${block}.conv${i + 1}`, `${block}.bn${i + 1}`], branch, step, activation)
      }
      const fits = stride === 1 && channels === outputs
      const shortcut = fits
        ? value
        : convNorm(
            [`${block}.downsample.0`, `${block}.downsample.1`],
            value,
            { inputs: channels, outputs, kernel: 1, stride },
            'none',
          )
      value = `${block}.add`
      nodes.push({
        kind: 'add',
        name: value,
        input: branch,
        shortcut,
        channels: outputs,
        activation: 'relu',
        block: blocks++,
      })
      channels = outputs
    }
    maps.push({ value, channels })
  }
  nodes.push(
    { kind: 'global-average-pool', name: 'avgpool', input: value, channels },
    { kind: 'classifier', name: 'fc', input: 'avgpool', features: channels, classes },
  )
  return { nodes, blocks, stages: maps, features: channels, classes, classifier: 'fc' }
}
