/**
 * @file A network as data: its layers in the order of computation, each naming what it reads. The layout of the weights, the forward
 * pass and the exports to other formats are derived from it.
 *
 * A value is named by the layer that gives it; {@link IMAGES} is the value that goes in. Layers with parameters are named by the prefix
 * of their tensors, for instance `features.0.0` for `features.0.0.weight`.
 */

/** Name of the value that goes in: images, normalised, 3 channels. */
export const IMAGES = 'images'

export type Activation = 'none' | 'relu' | 'relu6' | 'swish'

/**
 * Zeros around the image, the same for height and width.
 *
 * - `symmetric`: (kernel − 1) / 2 at each end, PyTorch's usual.
 * - `same`: TensorFlow's. For an input of n pixels the output has ⌈n / stride⌉; what is lacking, (⌈n / stride⌉ − 1) · stride + kernel − n
 *   or 0, is put half before (rounded down) and half behind (rounded up).
 * - [before, behind]: as many, whatever the input's size.
 */
export type Padding = 'symmetric' | 'same' | readonly [before: number, behind: number]

interface Layer {
  readonly name: string
  /** The value it reads. */
  readonly input: string
}

/** Convolution with a square kernel. Tensors: `.weight` [outputs, inputs or 1, kernel, kernel], no bias. */
export interface Convolution extends Layer {
  readonly kind: 'convolution'
  readonly inputs: number
  readonly outputs: number
  readonly kernel: number
  readonly stride: number
  readonly padding: Padding
  /** True: each channel has a filter of its own, and `outputs` equals `inputs`. */
  readonly depthwise: boolean
}

/**
 * Batch norm over images and pixels, then the activation. Tensors: `.weight`, `.bias`, `.running_mean`, `.running_var`, [channels] each.
 */
export interface Norm extends Layer {
  readonly kind: 'norm'
  readonly channels: number
  /** Added to the variance under the root. */
  readonly epsilon: number
  /** Share of a batch in the running statistics after it: running ← (1 − m) · running + m · batch. PyTorch's, 1 − TensorFlow's. */
  readonly momentum: number
  readonly activation: Activation
}

/**
 * x · σ(W₂ swish(W₁ mean(x) + b₁) + b₂), channel by channel; the mean is over the pixels. Tensors: `.fc1.weight` [squeezed, channels, 1, 1],
 * `.fc1.bias`, `.fc2.weight` [channels, squeezed, 1, 1], `.fc2.bias`.
 */
export interface SqueezeExcite extends Layer {
  readonly kind: 'squeeze-excite'
  readonly channels: number
  readonly squeezed: number
}

/** Largest of each window, with symmetric padding of (kernel − 1) / 2 that is never the largest. Its input has no negative value. */
export interface MaxPool extends Layer {
  readonly kind: 'max-pool'
  readonly channels: number
  readonly kernel: number
  readonly stride: number
}

/** input + shortcut, then the activation: the end of a residual block. */
export interface Add extends Layer {
  readonly kind: 'add'
  readonly shortcut: string
  readonly channels: number
  readonly activation: Activation
  /** Place of its block among all blocks of the network, those without a shortcut counted too: stochastic depth rises with it. */
  readonly block: number
}

/** Mean over the pixels: [B, H, W, C] gives [B, C]. Its value is the network's features. */
export interface GlobalAveragePool extends Layer {
  readonly kind: 'global-average-pool'
  readonly channels: number
}

/** W x + b. Tensors: `.weight` [classes, features], `.bias`. Dropout, when training, comes before it. */
export interface Classifier extends Layer {
  readonly kind: 'classifier'
  readonly features: number
  readonly classes: number
}

export type Node = Convolution | Norm | SqueezeExcite | MaxPool | Add | GlobalAveragePool | Classifier

/** The last value of the blocks that keep one resolution. */
export interface StageMap {
  readonly value: string
  readonly channels: number
}

export interface Graph {
  /** In the order of computation; the last two are the global average pool and the classifier. */
  readonly nodes: readonly Node[]
  /** Number of blocks, for stochastic depth. */
  readonly blocks: number
  /** Maps at a 4th, 8th, 16th and 32nd of the image's sides, rounded up: every network here has these four. */
  readonly stages: readonly StageMap[]
  /** Width D of the features. */
  readonly features: number
  readonly classes: number
  /** Name of the classifier: its tensors are `<classifier>.weight` and `.bias`. */
  readonly classifier: string
}
