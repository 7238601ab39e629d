/** @file The namings of a state dict that are read and written: which a file has, and each tensor's name in another. */
import { TesseraError } from '../../errors.ts'
import type { Graph } from '../graph.ts'
import type { Layout, TensorSpec } from '../layout.ts'
import { PROJECTOR } from '../projector.ts'
import { efficientNetPytorchNames } from './efficientnet-pytorch.ts'
import { timmNames } from './timm.ts'

/** `torchvision` is the naming of every layout here. timm names a ResNet's tensors the same. */
export const NAMINGS = ['torchvision', 'timm', 'efficientnet_pytorch'] as const
export type Naming = (typeof NAMINGS)[number]

/** The first tensor of a network, by which a naming is told. */
const FIRST: Readonly<Record<string, Naming>> = {
  'features.0.0.weight': 'torchvision',
  'conv1.weight': 'torchvision',
  'conv_stem.weight': 'timm',
  '_conv_stem.weight': 'efficientnet_pytorch',
}

/** Tells the naming by the name of the stem's convolution; null when there is none of a known name, or of two namings. */
export function detectNaming(names: Iterable<string>): Naming | null {
  const found = new Set([...names].flatMap((name) => (Object.hasOwn(FIRST, name) ? [FIRST[name]] : [])))
  const [naming = null] = found
  return found.size === 1 ? naming : null
}

/**
 * Gives the name of a layout's tensors in a naming, by their names here.
 * @throws {TesseraError} ERR_LAYOUT_MISMATCH if the naming's library does not have such a network.
 */
export function namesIn(naming: Naming, graph: Graph, layout: Layout): Map<string, string> {
  if (naming !== 'torchvision' && graph.nodes.some(({ name }) => name.startsWith(`${PROJECTOR}.`))) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `${naming} names must be of a network that its library has, got one with SimKD's projector`,
    )
  }
  const prefixes = prefixesIn(naming, graph)
  if (!prefixes) {
    throw new TesseraError(
      'ERR_LAYOUT_MISMATCH',
      `${naming} names must be of an EfficientNet, got a network that it does not have`,
    )
  }
  return new Map(layout.tensors.map(({ name }) => [name, renamed(name, prefixes)]))
}

/** The layout with its tensors' names in a naming; the order stays. @throws {TesseraError} As {@link namesIn}. */
export function renamedLayout(naming: Naming, graph: Graph, layout: Layout): Layout {
  const names = namesIn(naming, graph, layout)
  const tensors = layout.tensors.map(
    (spec): TensorSpec => ({ ...spec, name: names.get(spec.name) ?? spec.name }),
  )
  return { ...layout, tensors }
}

function prefixesIn(naming: Naming, graph: Graph): ReadonlyMap<string, string> | null {
  switch (naming) {
    case 'torchvision':
      return new Map()
    case 'timm':
      return timmNames(graph)
    case 'efficientnet_pytorch':
      break
  }
  return efficientNetPytorchNames(graph)
}

/** A tensor without a prefix of its own, such as those of a student's head, keeps its name. */
function renamed(name: string, prefixes: ReadonlyMap<string, string>): string {
  const dot = name.lastIndexOf('.')
  const prefix = prefixes.get(name.slice(0, dot))
  return prefix === undefined ? name : prefix + name.slice(dot)
}
