/**
 * @file What a library does beside the architecture: padding of the convolutions, epsilon and momentum of the batch norms, and how it
 * rounds where multipliers are not those of a published network.
 *
 * Read and run: torchvision 0.29 (`models/efficientnet.py`, `resnet.py`), timm 1.0 (`models/efficientnet.py`: names that begin with `tf_`
 * carry weights from TensorFlow), efficientnet_pytorch 0.7 (`utils.py`, `model.py`).
 */
import type { Architecture as StudyArchitecture } from '../protocol/architecture.ts'

/** Which library's conventions a network follows. timm's networks whose name does not begin with `tf_` follow torchvision's. */
export type Flavour = NonNullable<StudyArchitecture['flavour']>

export interface Conventions {
  readonly padding: 'symmetric' | 'same'
  /**
   * With `same`: side of the square images that the padding is worked out for, once and for all, as efficientnet_pytorch does for the
   * `image_size` it is built with. Absent: from each input's own size, as TensorFlow and timm do.
   */
  readonly imageSize?: number | undefined
  readonly epsilon: number
  readonly momentum: number
  /** Channels of the last convolution: four times the last block's, or 1280 · width rounded. Equal for B0 to B4. */
  readonly head: 'of-last-block' | 'of-1280'
  /** False: the first block of a stage has no shortcut, even at stride 1 with as many channels out as in (which B0 to B4 do not have). */
  readonly firstBlockAdds: boolean
}

const CONVENTIONS: Readonly<Record<Flavour, Conventions>> = {
  torchvision: {
    padding: 'symmetric',
    epsilon: 1e-5,
    momentum: 0.1,
    head: 'of-last-block',
    firstBlockAdds: true,
  },
  'timm-tf': { padding: 'same', epsilon: 1e-3, momentum: 0.1, head: 'of-1280', firstBlockAdds: true },
  'efficientnet-pytorch': {
    padding: 'same',
    epsilon: 1e-3,
    momentum: 0.01,
    head: 'of-1280',
    firstBlockAdds: false,
  },
}

/** Gives the conventions of a flavour; torchvision's when there is none. */
export function conventionsOf(flavour: Flavour | undefined): Conventions {
  return CONVENTIONS[flavour ?? 'torchvision']
}
