import type { Graph } from '../graph.ts'
import { efficientNetParts, type Part } from './parts.ts'

/**
 * Gives timm's prefix of each layer's tensors, by ours. A ResNet's are torchvision's.
 *
 * Source: timm 1.0, models/efficientnet.py and _efficientnet_blocks.py (DepthwiseSeparableConv, InvertedResidual).
 */
export function timmNames(graph: Graph): Map<string, string> {
  const parts = efficientNetParts(graph)
  if (!parts) return new Map()
  return new Map(parts.flatMap(namesOf))
}

function namesOf(part: Part): [string, string][] {
  const { name, role, norm, stage, layer, expands } = part
  const block = `blocks.${stage}.${layer}`
  // Norms are numbered in their block; one that does not expand starts at its depthwise convolution.
  const at = (place: number): string => `${block}.bn${expands ? place : place - 1}`
  switch (role) {
    case 'stem':
      return [[name, norm ? 'bn1' : 'conv_stem']]
    case 'expand':
      return [[name, norm ? at(1) : `${block}.conv_pw`]]
    case 'depthwise':
      return [[name, norm ? at(2) : `${block}.conv_dw`]]
    case 'squeeze':
      return [
        [`${name}.fc1`, `${block}.se.conv_reduce`],
        [`${name}.fc2`, `${block}.se.conv_expand`],
      ]
    case 'project':
      return [[name, norm ? at(3) : `${block}.conv_pw${expands ? 'l' : ''}`]]
    case 'head':
      return [[name, norm ? 'bn2' : 'conv_head']]
    case 'classifier':
      break
  }
  return [[name, 'classifier']]
}
