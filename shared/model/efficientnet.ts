/**
 * @file EfficientNet: a table of blocks (widths, depths, kernels, strides) and its layers under the names torchvision gives them.
 *
 * Source: Tan and Le, ICML 2019, table 1, https://arxiv.org/abs/1905.11946; rounding and names as in torchvision 0.2x,
 * models/efficientnet.py. Lite0: the same without squeeze and excitation, ReLU6 for swish, and its stem, head and outer stages are not
 * scaled (https://github.com/tensorflow/tpu, models/official/efficientnet/lite); torchvision has none, its names are those that
 * torchvision's class would give. Differs: any pair of multipliers is allowed.
 */
import type { Architecture } from './architecture.ts'
import type { Conventions } from './conventions.ts'
import { type Activation, type Graph, IMAGES, type Node, type Padding, type StageMap } from './graph.ts'
import { makeDivisible } from './round-channels.ts'

export type EfficientNetName = Exclude<Architecture['name'], `resnet-${string}`>

/** One inverted residual block (MBConv). */
export interface Block {
  /** Name of the block in the state dict, for instance `features.2.1`. */
  readonly name: string
  readonly inputChannels: number
  /** Equal to `inputChannels` where the expansion ratio is 1: such a block has no expanding convolution. */
  readonly expandedChannels: number
  /** Null: no squeeze and excitation. */
  readonly squeezeChannels: number | null
  readonly outputChannels: number
  readonly kernel: number
  readonly stride: number
  /** True when the block's input is added to its output. */
  readonly residual: boolean
}

/** The whole network in the order of computation. */
export interface Plan {
  readonly activation: Activation
  readonly stemChannels: number
  readonly blocks: readonly Block[]
  /** Name of the last convolution and its norm, for instance `features.8`. */
  readonly lastName: string
  /** Output of the last convolution: the feature width D. */
  readonly lastChannels: number
}

/** Width and depth of each network as multiples of B0's. */
const SCALES: Readonly<Record<EfficientNetName, readonly [width: number, depth: number]>> = {
  'efficientnet-b0': [1, 1],
  'efficientnet-b1': [1, 1.1],
  'efficientnet-b2': [1.1, 1.2],
  'efficientnet-b3': [1.2, 1.4],
  'efficientnet-b4': [1.4, 1.8],
  'efficientnet-lite0': [1, 1],
}

/** B0's stages: expansion ratio, kernel, stride, input channels, output channels, layers. */
const STAGES = [
  { ratio: 1, kernel: 3, stride: 1, input: 32, output: 16, layers: 1 },
  { ratio: 6, kernel: 3, stride: 2, input: 16, output: 24, layers: 2 },
  { ratio: 6, kernel: 5, stride: 2, input: 24, output: 40, layers: 2 },
  { ratio: 6, kernel: 3, stride: 2, input: 40, output: 80, layers: 3 },
  { ratio: 6, kernel: 5, stride: 1, input: 80, output: 112, layers: 3 },
  { ratio: 6, kernel: 5, stride: 2, input: 112, output: 192, layers: 4 },
  { ratio: 6, kernel: 3, stride: 1, input: 192, output: 320, layers: 1 },
] as const

/** Gives the blocks of an EfficientNet. */
export function planEfficientNet(
  architecture: Architecture & { readonly name: EfficientNetName },
  { head, firstBlockAdds }: Conventions,
): Plan {
  const lite = architecture.name === 'efficientnet-lite0'
  const [baseWidth, baseDepth] = SCALES[architecture.name]
  const width = baseWidth * architecture.widthMultiplier
  const depth = baseDepth * architecture.depthMultiplier
  const stemChannels = lite ? STAGES[0].input : makeDivisible(STAGES[0].input * width)
  const blocks: Block[] = []
  for (const [index, stage] of STAGES.entries()) {
    const stageInput = index === 0 ? stemChannels : makeDivisible(stage.input * width)
    const outputChannels = makeDivisible(stage.output * width)
    const outer = index === 0 || index === STAGES.length - 1
    const layers = lite && outer ? stage.layers : Math.ceil(stage.layers * depth)
    for (let layer = 0; layer < layers; layer++) {
      // The first layer of a stage changes width and resolution, the others keep both.
      const inputChannels = layer === 0 ? stageInput : outputChannels
      const stride = layer === 0 ? stage.stride : 1
      blocks.push({
        name: `features.${index + 1}.${layer}`,
        inputChannels,
        expandedChannels: makeDivisible(inputChannels * stage.ratio),
        squeezeChannels: lite ? null : Math.max(1, Math.floor(inputChannels / 4)),
        outputChannels,
        kernel: stage.kernel,
        stride,
        residual: stride === 1 && inputChannels === outputChannels && (layer > 0 || firstBlockAdds),
      })
    }
  }
  const fromBlock = 4 * (blocks.at(-1)?.outputChannels ?? 0)
  const ofLast = head === 'of-last-block' ? fromBlock : makeDivisible(1280 * width)
  return {
    activation: lite ? 'relu6' : 'swish',
    stemChannels,
    blocks,
    lastName: `features.${STAGES.length + 1}`,
    lastChannels: lite ? 1280 : ofLast,
  }
}

/** Gives the layers of an EfficientNet. */
export function efficientNetGraph(plan: Plan, classes: number, conventions: Conventions): Graph {
  const { activation, stemChannels, blocks, lastName, lastChannels } = plan
  const { epsilon, momentum } = conventions
  const nodes: Node[] = []
  const stages: StageMap[] = []
  const pad = paddingOf(conventions)
  let value = IMAGES

  /** `<name>.0` and its norm `<name>.1`. */
  const convNorm = (name: string, shape: Shape, act: Activation): void => {
    const { depthwise = false, kernel = 1, stride = 1, inputs, outputs } = shape
    const padding = pad(kernel, stride)
    const convolution = `${name}.0`
    nodes.push(
      {
        kind: 'convolution',
        name: convolution,
        input: value,
        inputs,
        outputs,
        kernel,
        stride,
        padding,
        depthwise,
      },
      {
        kind: 'norm',
        name: `${name}.1`,
        input: convolution,
        channels: outputs,
        epsilon,
        momentum,
        activation: act,
      },
    )
    value = `${name}.1`
  }

  convNorm('features.0', { inputs: 3, outputs: stemChannels, kernel: 3, stride: 2 }, activation)
  for (const [index, block] of blocks.entries()) {
    const { inputChannels, expandedChannels, squeezeChannels, outputChannels, kernel, stride } = block
    const shortcut = value
    // torchvision numbers the parts that a block has in sequence.
    let part = 0
    const next = (): string => `${block.name}.block.${part++}`
    if (expandedChannels !== inputChannels) {
      convNorm(next(), { inputs: inputChannels, outputs: expandedChannels }, activation)
    }
    const depthwise = { inputs: expandedChannels, outputs: expandedChannels, kernel, stride, depthwise: true }
    convNorm(next(), depthwise, activation)
    if (squeezeChannels !== null) {
      const name = next()
      nodes.push({
        kind: 'squeeze-excite',
        name,
        input: value,
        channels: expandedChannels,
        squeezed: squeezeChannels,
      })
      value = name
    }
    convNorm(next(), { inputs: expandedChannels, outputs: outputChannels }, 'none')
    if (block.residual) {
      const name = `${block.name}.add`
      nodes.push({
        kind: 'add',
        name,
        input: value,
        shortcut,
        channels: outputChannels,
        activation: 'none',
        block: index,
      })
      value = name
    }
    if ((blocks[index + 1]?.stride ?? 2) === 2) stages.push({ value, channels: outputChannels })
  }
  const lastInput = blocks.at(-1)?.outputChannels ?? stemChannels
  convNorm(lastName, { inputs: lastInput, outputs: lastChannels }, activation)
  const classifier = 'classifier.1'
  nodes.push(
    { kind: 'global-average-pool', name: 'avgpool', input: value, channels: lastChannels },
    { kind: 'classifier', name: classifier, input: 'avgpool', features: lastChannels, classes },
  )
  // The first stage is at half the image's sides, where a ResNet has none.
  return {
    nodes,
    blocks: blocks.length,
    stages: stages.slice(1),
    features: lastChannels,
    classes,
    classifier,
  }
}

interface Shape {
  readonly inputs: number
  readonly outputs: number
  readonly kernel?: number
  readonly stride?: number
  readonly depthwise?: boolean
}

/** Gives the padding of each convolution; to be asked in the order of computation, for a fixed size shrinks with each stride. */
function paddingOf({ padding, imageSize }: Conventions): (kernel: number, stride: number) => Padding {
  if (padding === 'symmetric' || imageSize === undefined) return () => padding
  let size = imageSize
  return (kernel, stride) => {
    const output = Math.ceil(size / stride)
    const total = Math.max(0, (output - 1) * stride + kernel - size)
    size = output
    return [Math.floor(total / 2), Math.ceil(total / 2)]
  }
}
