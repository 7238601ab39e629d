/**
 * @file The config of a reference case of kind `forward`: which network, whose names, whose padding and batch norms.
 *
 * tests/parity/README.md describes the fields. Spellings of a network's name are taken as they come: `efficientnet_b0`,
 * `tf_efficientnet_b0`, `resnet18`.
 */
import { z } from 'zod'
import { TesseraError } from '../../errors.ts'
import { ARCHITECTURE_NAMES } from '../../protocol/architecture.ts'
import type { Architecture } from '../architecture.ts'
import { type Conventions, conventionsOf, type Flavour } from '../conventions.ts'
import { NAMINGS, type Naming } from '../names/namings.ts'

const batchNorm = z.object({ epsilon: z.number().positive(), momentum: z.number().min(0).max(1) }).partial()

const config = z.object({
  architecture: z.string().max(100),
  widthMultiplier: z.number().positive().default(1),
  depthMultiplier: z.number().positive().default(1),
  naming: z
    .string()
    .transform((text) => text.replaceAll('-', '_'))
    .pipe(z.enum(NAMINGS))
    .default('torchvision'),
  mode: z.enum(['eval', 'train']),
  layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
  /** Scalar whose gradients a case may hold: Σ logits². */
  loss: z.literal('sum-logits-squared').optional(),
  padding: z.enum(['symmetric', 'same']).optional(),
  epsilon: z.number().positive().optional(),
  momentum: z.number().min(0).max(1).optional(),
  batchNorm: batchNorm.optional(),
  /** Side of the images that efficientnet_pytorch's network was built for; null: padding from each image's own size. */
  imageSize: z.int().positive().max(4096).nullable().optional(),
})

export interface CaseConfig {
  readonly architecture: Architecture
  readonly naming: Naming
  readonly conventions: Conventions
  readonly mode: 'eval' | 'train'
  readonly layout: 'NCHW' | 'NHWC'
  readonly loss?: 'sum-logits-squared' | undefined
}

/** Side of the images that efficientnet_pytorch builds each network for when it is not told another. */
const DEFAULT_IMAGE_SIZE: Partial<Readonly<Record<Architecture['name'], number>>> = {
  'efficientnet-b0': 224,
  'efficientnet-b1': 240,
  'efficientnet-b2': 260,
  'efficientnet-b3': 300,
  'efficientnet-b4': 380,
  'efficientnet-lite0': 224,
}

/** @throws {TesseraError} ERR_CASE_FILE if the config is not that of a forward case, or names a network unknown here. */
export function readCaseConfig(value: unknown): CaseConfig {
  const parsed = config.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw faulty(
      `config ${issue?.path.join('.') ?? ''} must be that of a forward case, got ${issue?.message ?? 'another'}`,
    )
  }
  const { naming, mode, layout, loss, widthMultiplier, depthMultiplier, ...rest } = parsed.data
  const { name, fromTensorFlow } = readName(rest.architecture)
  const architecture = { name, widthMultiplier, depthMultiplier, flavour: flavourOf(naming, fromTensorFlow) }
  const usual = conventionsOf(architecture.flavour)
  const { padding = usual.padding, epsilon, momentum, batchNorm: norms, imageSize } = rest
  const builtFor = naming === 'efficientnet_pytorch' ? DEFAULT_IMAGE_SIZE[name] : undefined
  const conventions = {
    ...usual,
    padding,
    epsilon: epsilon ?? norms?.epsilon ?? usual.epsilon,
    momentum: momentum ?? norms?.momentum ?? usual.momentum,
    imageSize: imageSize === undefined ? builtFor : (imageSize ?? undefined),
  }
  return { architecture, naming, conventions, mode, layout, loss }
}

function flavourOf(naming: Naming, fromTensorFlow: boolean): Flavour {
  if (naming === 'efficientnet_pytorch') return 'efficientnet-pytorch'
  return naming === 'timm' && fromTensorFlow ? 'timm-tf' : 'torchvision'
}

function readName(text: string): { name: Architecture['name']; fromTensorFlow: boolean } {
  const plain = text.toLowerCase().replaceAll('_', '-')
  const fromTensorFlow = plain.startsWith('tf-')
  const wanted = plain
    .replace(/^tf-/, '')
    .replace(/^(efficientnet|resnet)-?/, '$1-')
    .replace('lite-0', 'lite0')
  const name = ARCHITECTURE_NAMES.find((known) => known === wanted)
  if (name) return { name, fromTensorFlow }
  throw faulty(
    `config architecture must be that of a forward case, got ${JSON.stringify(text.slice(0, 40))}, not one of ${ARCHITECTURE_NAMES.join(', ')}`,
  )
}

function faulty(message: string): TesseraError {
  return new TesseraError('ERR_CASE_FILE', message)
}
