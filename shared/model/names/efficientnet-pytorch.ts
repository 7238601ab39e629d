import type { Graph } from '../graph.ts'
import { efficientNetParts, type Part } from './parts.ts'

/**
 * Gives efficientnet_pytorch's prefix of each layer's tensors, by ours; null for a network that it does not have.
 *
 * Source: efficientnet_pytorch 0.7, model.py; efficientnet_lite_pytorch 0.1 has the same names.
 */
export function efficientNetPytorchNames(graph: Graph): Map<string, string> | null {
  const parts = efficientNetParts(graph)
  return parts && new Map(parts.flatMap(namesOf))
}

function namesOf({ name, role, norm, block }: Part): [string, string][] {
  const within = `_blocks.${block}.`
  switch (role) {
    case 'stem':
      return [[name, norm ? '_bn0' : '_conv_stem']]
    case 'expand':
      return [[name, within + (norm ? '_bn0' : '_expand_conv')]]
    case 'depthwise':
      return [[name, within + (norm ? '_bn1' : '_depthwise_conv')]]
    case 'squeeze':
      return [
        [`${name}.fc1`, `${within}_se_reduce`],
        [`${name}.fc2`, `${within}_se_expand`],
      ]
    case 'project':
      return [[name, within + (norm ? '_bn2' : '_project_conv')]]
    case 'head':
      return [[name, norm ? '_bn1' : '_conv_head']]
    case 'classifier':
      break
  }
  return [[name, '_fc']]
}
