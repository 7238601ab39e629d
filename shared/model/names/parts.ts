/** @file What each layer of an EfficientNet is for: what other libraries name their tensors by. */
import type { Graph } from '../graph.ts'

export type Role = 'stem' | 'expand' | 'depthwise' | 'squeeze' | 'project' | 'head' | 'classifier'

/** A layer with tensors. */
export interface Part {
  /** Prefix of its tensors here. */
  readonly name: string
  readonly role: Role
  /** True for the batch norm of the role's convolution. */
  readonly norm: boolean
  /** Stage, layer in its stage and place among all blocks, from 0; of a layer within a block. */
  readonly stage: number
  readonly layer: number
  readonly block: number
  /** True when the layer's block has an expanding convolution. */
  readonly expands: boolean
}

/** Gives the layers of an EfficientNet that have tensors, in order; null for a network of another family. */
export function efficientNetParts(graph: Graph): Part[] | null {
  if (graph.nodes[0]?.name !== 'features.0.0') return null
  const parts: Part[] = []
  const place = { stage: 0, layer: 0, block: -1, expands: false }
  let blockName = ''
  let role: Role = 'stem'
  for (const node of graph.nodes) {
    const match = /^(features\.(\d+)\.(\d+))\.block\./.exec(node.name)
    if (match && match[1] !== blockName) {
      blockName = match[1] ?? ''
      Object.assign(place, { stage: Number(match[2]) - 1, layer: Number(match[3]), block: place.block + 1 })
      place.expands = node.kind === 'convolution' && !node.depthwise
      role = 'stem'
    }
    if (node.kind === 'convolution') role = roleOf(match !== null, node.depthwise, role)
    else if (node.kind === 'squeeze-excite') role = 'squeeze'
    else if (node.kind === 'classifier') role = 'classifier'
    else if (node.kind !== 'norm') continue
    parts.push({ name: node.name, role, norm: node.kind === 'norm', ...place })
  }
  return parts
}

/** @param before Role of the layer before it in its block; `stem` at the block's begin. */
function roleOf(inBlock: boolean, depthwise: boolean, before: Role): Role {
  if (!inBlock) return before === 'stem' ? 'stem' : 'head'
  if (depthwise) return 'depthwise'
  return before === 'stem' ? 'expand' : 'project'
}
