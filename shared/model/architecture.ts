/**
 * @file EfficientNet as a table of blocks: widths, depths, kernels, strides and the names torchvision gives each part.
 *
 * Source: Tan and Le, ICML 2019, table 1, https://arxiv.org/abs/1905.11946; rounding and names as in torchvision 0.2x,
 * models/efficientnet.py. Differs: any pair of multipliers is allowed, not only those of B0 to B7, so that a student can be
 * narrower and shallower than B0; the last convolution always has four times the last block's channels (1280 for B0).
 */
import type { Architecture as StudyArchitecture } from '../protocol/study.ts'

/** The part of a study's `student` or `teacher` that decides the shapes. 1 and 1 is B0. */
export type Architecture = Pick<StudyArchitecture, 'name' | 'widthMultiplier' | 'depthMultiplier'>

/** One inverted residual block (MBConv). */
export interface Block {
  /** Name of the block in the state dict, for instance `features.2.1`. */
  readonly name: string
  readonly inputChannels: number
  /** Equal to `inputChannels` where the expansion ratio is 1: such a block has no expanding convolution. */
  readonly expandedChannels: number
  readonly squeezeChannels: number
  readonly outputChannels: number
  readonly kernel: number
  readonly stride: number
  /** True when the block's input is added to its output. */
  readonly residual: boolean
}

/** The whole network in the order of computation. */
export interface Plan {
  readonly stemChannels: number
  readonly blocks: readonly Block[]
  /** Name of the last convolution and its norm, for instance `features.8`. */
  readonly lastName: string
  /** Output of the last convolution: the feature width D. */
  readonly lastChannels: number
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

/** Gives the blocks of an architecture. */
export function plan(architecture: Architecture): Plan {
  const { widthMultiplier, depthMultiplier } = architecture
  const blocks: Block[] = []
  for (const [index, stage] of STAGES.entries()) {
    const stageInput = makeDivisible(stage.input * widthMultiplier)
    const outputChannels = makeDivisible(stage.output * widthMultiplier)
    for (let layer = 0; layer < Math.ceil(stage.layers * depthMultiplier); layer++) {
      // The first layer of a stage changes width and resolution, the others keep both.
      const inputChannels = layer === 0 ? stageInput : outputChannels
      const stride = layer === 0 ? stage.stride : 1
      blocks.push({
        name: `features.${index + 1}.${layer}`,
        inputChannels,
        expandedChannels: makeDivisible(inputChannels * stage.ratio),
        squeezeChannels: Math.max(1, Math.floor(inputChannels / 4)),
        outputChannels,
        kernel: stage.kernel,
        stride,
        residual: stride === 1 && inputChannels === outputChannels,
      })
    }
  }
  return {
    stemChannels: makeDivisible(STAGES[0].input * widthMultiplier),
    blocks,
    lastName: `features.${STAGES.length + 1}`,
    lastChannels: 4 * makeDivisible(320 * widthMultiplier),
  }
}

/** Width D of the features after global average pooling. */
export function featureWidth(architecture: Architecture): number {
  return plan(architecture).lastChannels
}

/** True when both give the same tensors. */
export function sameArchitecture(a: Architecture, b: Architecture): boolean {
  return (
    a.name === b.name && a.widthMultiplier === b.widthMultiplier && a.depthMultiplier === b.depthMultiplier
  )
}

/** Text of an architecture, for instance `efficientnet-b0 width=0.25 depth=0.34`. */
export function architectureText(architecture: Architecture): string {
  const { name, widthMultiplier, depthMultiplier } = architecture
  return `${name} width=${widthMultiplier} depth=${depthMultiplier}`
}

/**
 * The multiple of 8 nearest to `channels`, at least 8, never more than 10 % below it.
 *
 * Source: torchvision, models/_utils.py, `_make_divisible`.
 */
export function makeDivisible(channels: number): number {
  const nearest = Math.max(8, Math.floor((channels + 4) / 8) * 8)
  return nearest < 0.9 * channels ? nearest + 8 : nearest
}
