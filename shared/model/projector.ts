/**
 * @file A network with SimKD's projector before its global average pool, so that it ends as wide as the teacher whose classifier it reuses.
 *
 *   1 × 1 convolution to `hidden`, norm, ReLU · 3 × 3 to `hidden`, norm, ReLU · 1 × 1 to `features`, norm, ReLU
 *
 * Source: Chen et al., Knowledge Distillation with the Reused Teacher Classifier, CVPR 2022, https://arxiv.org/abs/2203.14001.
 * Layers are numbered as in the authors' `nn.Sequential`, whose ReLUs count.
 */
import type { Conventions } from './conventions.ts'
import type { Graph, Node } from './graph.ts'

/** Widths of a projector. */
export interface Projector {
  readonly hidden: number
  /** Width D of the teacher's features, and now of the student's. */
  readonly features: number
}

/** Before the names of a projector's layers. */
export const PROJECTOR = 'projector'

/** Gives the network with a projector: its features and the input of its classifier are then `features` wide. */
export function withProjector(
  graph: Graph,
  { hidden, features }: Projector,
  { epsilon, momentum }: Conventions,
): Graph {
  const before = graph.nodes.slice(0, -2)
  const [pool, classifier] = graph.nodes.slice(-2) as [Node, Node]
  let input = pool.input
  const layer = (place: number, inputs: number, outputs: number, kernel: number): Node[] => {
    const [name, norm] = [`${PROJECTOR}.${place}`, `${PROJECTOR}.${place + 1}`]
    const shape = { inputs, outputs, kernel, stride: 1, padding: 'symmetric', depthwise: false } as const
    const nodes: Node[] = [
      { kind: 'convolution', name, input, ...shape },
      { kind: 'norm', name: norm, input: name, channels: outputs, epsilon, momentum, activation: 'relu' },
    ]
    input = norm
    return nodes
  }
  const projector = [
    ...layer(0, graph.features, hidden, 1),
    ...layer(3, hidden, hidden, 3),
    ...layer(6, hidden, features, 1),
  ]
  return {
    ...graph,
    nodes: [
      ...before,
      ...projector,
      { kind: 'global-average-pool', name: pool.name, input, channels: features },
      {
        kind: 'classifier',
        name: classifier.name,
        input: classifier.input,
        features,
        classes: graph.classes,
      },
    ],
    features,
  }
}
