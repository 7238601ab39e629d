/**
 * @file Weights from elsewhere: a safetensors file in torchvision's, timm's or efficientnet_pytorch's names, read as a network's.
 *
 * float16 and bfloat16 are widened; `num_batches_tracked` is passed over, for no computation here uses it.
 */
import { TesseraError } from '../errors.ts'
import { ARCHITECTURE_NAMES, FLAVOURS } from '../protocol/architecture.ts'
import { type Study } from '../protocol/study.ts'
import { type Architecture, architectureText, describeNetwork } from './architecture.ts'
import type { Flavour } from './conventions.ts'
import type { Weights } from './layout.ts'
import { graphLayout, isClassifierTensor } from './layouts.ts'
import { detectNaming, type Naming, namesIn } from './names/namings.ts'
import { decodeSafetensors, type FileTensor } from './safetensors.ts'
import { broken, quoted } from './safetensors-header.ts'
import { differences, differenceText } from './tensor-differences.ts'

export interface Checkpoint {
  /** Whose names the file had. */
  readonly naming: Naming
  /** In the layout's order and names; without the classifier's when `classifier` is false. */
  readonly weights: Weights
  /** False when the file's classifier was missing or for another number of classes, and that was allowed. */
  readonly classifier: boolean
}

/** What a file tells of its network without being told. */
export interface FoundNetwork {
  readonly naming: Naming
  readonly architecture: Architecture
}

/**
 * Reads a checkpoint of a network.
 * @param options.classifier `optional`: for a start from weights of other classes, a missing classifier and one of another number of
 * classes are left out.
 * @throws {TesseraError} ERR_MODEL_FILE if the file is broken or holds values that are not finite; ERR_LAYOUT_MISMATCH if it has other
 * names, is of another architecture, or has tensors missing, too many or of another shape.
 */
export function decodeCheckpoint(
  bytes: Uint8Array,
  architecture: Architecture,
  classes: number,
  options: { readonly classifier?: 'required' | 'optional' } = {},
): Checkpoint {
  const { naming, tensors } = readTensors(bytes)
  const graph = describeNetwork(architecture, classes)
  const layout = graphLayout(architecture, graph)
  const names = namesIn(naming, graph, layout)
  const specs = layout.tensors.map((spec) => ({ ...spec, name: names.get(spec.name) ?? spec.name }))
  const heads = new Set(
    layout.tensors.flatMap(({ name }) => (isClassifierTensor(name) ? [names.get(name)] : [])),
  )

  const all = differences(specs, tensors)
  const backbone = differences(
    specs.filter(({ name }) => !heads.has(name)),
    new Map([...tensors].filter(([name]) => !heads.has(name))),
  )
  const classifier = all.count === 0
  if (options.classifier === 'optional' ? backbone.count > 0 : !classifier) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `model file must be of ${layout.architecture}, got ${gotText(naming, tensors, architecture)}: ${differenceText(all)}`,
    )
  }
  const weights = new Map<string, Float32Array>()
  for (const { name } of layout.tensors) {
    if (!classifier && isClassifierTensor(name)) continue
    weights.set(name, floats(names.get(name) ?? name, tensors))
  }
  return { naming, weights, classifier }
}

/**
 * Reads a study's teacher.
 * @throws {TesseraError} ERR_STUDY_INVALID if the study has no teacher or an ONNX file for one; as {@link decodeCheckpoint}.
 */
export function decodeTeacher(bytes: Uint8Array, { teacher }: Study): Checkpoint {
  if (!teacher || teacher.name === 'onnx') {
    const got = teacher ? 'an ONNX file' : 'none'
    throw new TesseraError('ERR_STUDY_INVALID', `study must have a teacher of known layers, got ${got}`)
  }
  return decodeCheckpoint(bytes, teacher, teacher.classes)
}

/**
 * Tells a published network (multipliers 1) by its tensors. Its flavour is what the file's metadata say (`flavour`), else
 * efficientnet_pytorch's for its names, else torchvision's: a network of timm named `tf_…` has the tensors of one that is not.
 * @throws {TesseraError} ERR_MODEL_FILE if the file is broken; ERR_LAYOUT_MISMATCH if it is of no network known here.
 */
export function recogniseCheckpoint(bytes: Uint8Array): FoundNetwork {
  const { naming, tensors, metadata } = readTensors(bytes)
  const name = publishedName(naming, tensors)
  if (!name) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `model file must be of one of ${ARCHITECTURE_NAMES.join(', ')}, got ${tensors.size} tensors of another network in ${naming} names`,
    )
  }
  const flavour = flavourIn(naming, metadata.flavour)
  const multipliers = { widthMultiplier: 1, depthMultiplier: 1 }
  return { naming, architecture: { name, ...multipliers, ...(flavour === 'torchvision' ? {} : { flavour }) } }
}

/** Naming and flavour of a file, for a description that leaves the flavour out. @throws {TesseraError} As {@link recogniseCheckpoint}. */
export function checkpointOrigin(bytes: Uint8Array): { naming: Naming; flavour: Flavour } {
  const { naming, metadata } = readTensors(bytes)
  return { naming, flavour: flavourIn(naming, metadata.flavour) }
}

function flavourIn(naming: Naming, said: string | undefined): Flavour {
  const known = FLAVOURS.find((flavour) => flavour === said)
  return known ?? (naming === 'efficientnet_pytorch' ? 'efficientnet-pytorch' : 'torchvision')
}

type Tensors = ReadonlyMap<string, FileTensor>

function readTensors(bytes: Uint8Array): {
  naming: Naming
  tensors: Tensors
  metadata: Readonly<Record<string, string>>
} {
  const { tensors: all, metadata } = decodeSafetensors(bytes)
  const tensors = new Map([...all].filter(([name]) => !name.endsWith('num_batches_tracked')))
  const naming = detectNaming(tensors.keys())
  if (naming) return { naming, tensors, metadata }
  const [first] = tensors.keys()
  throw new TesseraError(
    'ERR_LAYOUT_MISMATCH',
    `model file must have the names of torchvision, timm or efficientnet_pytorch, got ${first === undefined ? 'no tensor' : `${quoted(first)} first`}`,
  )
}

/** What the file is, as far as it can be told. */
function gotText(naming: Naming, tensors: Tensors, wanted: Architecture): string {
  const name = publishedName(naming, tensors)
  const found = name ? architectureText({ name, widthMultiplier: 1, depthMultiplier: 1 }) : 'another network'
  // A whole network whose classifier alone does not fit is no other network.
  return name === wanted.name ? `${naming} names` : `${found} in ${naming} names`
}

/** The published network whose backbone has these tensors, whatever its classifier. */
function publishedName(naming: Naming, tensors: Tensors): Architecture['name'] | null {
  const found = ARCHITECTURE_NAMES.find((name) => {
    if (naming === 'efficientnet_pytorch' && name.startsWith('resnet')) return false
    const architecture = { name, widthMultiplier: 1, depthMultiplier: 1 }
    const graph = describeNetwork(architecture, 1)
    const layout = graphLayout(architecture, graph)
    const names = namesIn(naming, graph, layout)
    const backbone = layout.tensors.filter((spec) => !isClassifierTensor(spec.name))
    // The classifier's two may be there or not.
    if (Math.abs(tensors.size - backbone.length - 1) > 1) return false
    return backbone.every(({ name: ours, shape }) => {
      const tensor = tensors.get(names.get(ours) ?? ours)
      return tensor?.shape.join() === shape.join()
    })
  })
  return found ?? null
}

function floats(name: string, tensors: Tensors): Float32Array {
  const tensor = tensors.get(name)
  if (!(tensor?.data instanceof Float32Array)) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `tensor ${name} must have dtype F32, F16 or BF16, got ${tensor?.dtype ?? 'none'}`,
    )
  }
  if (!tensor.data.every(Number.isFinite)) {
    throw broken(`tensor ${name} must have finite values only, got NaN or infinity`)
  }
  return tensor.data
}
