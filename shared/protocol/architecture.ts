/** @file The networks of a study. */
import { z } from 'zod'

const positive = z.number().positive()

/** Networks that are known by name. */
export const ARCHITECTURE_NAMES = [
  'efficientnet-b0',
  'efficientnet-b1',
  'efficientnet-b2',
  'efficientnet-b3',
  'efficientnet-b4',
  'efficientnet-lite0',
  'resnet-18',
  'resnet-50',
] as const
/** Libraries whose padding and batch norms differ; `timm-tf`: timm's networks named `tf_…`. */
export const FLAVOURS = ['torchvision', 'timm-tf', 'efficientnet-pytorch'] as const

/** A network by name (EfficientNet: Tan and Le, ICML 2019; ResNet: He et al., CVPR 2016), and how much of it. */
export const architecture = z.strictObject({
  /** Which network; docs/models.md has them with their sizes. */
  name: z.enum(ARCHITECTURE_NAMES).default('efficientnet-b0'),
  /** Times the channels of the named network. */
  widthMultiplier: positive.max(4).default(1),
  /** Times the layers of the named network. */
  depthMultiplier: positive.max(4).default(1),
  /**
   * Whose padding and batch norms: those of the library that the weights were trained with. Absent: torchvision's, which timm shares but
   * for its networks named `tf_…`. ResNets have torchvision's only.
   */
  flavour: z.enum(FLAVOURS).optional(),
})
export type Architecture = z.infer<typeof architecture>
