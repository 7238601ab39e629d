/**
 * @file The network of a reference case: of the config's architecture, in the width and depth that its tensors have.
 *
 * Libraries round a narrow network's width differently, and a case may count multipliers from B0 or from its own network: the first
 * reading whose tensors are those of the case is taken. A ResNet of any width and depth is told from its tensors alone.
 */
import { TesseraError } from '../../errors.ts'
import { architectureText, describeNetwork } from '../architecture.ts'
import type { Graph } from '../graph.ts'
import type { Layout, TensorSpec } from '../layout.ts'
import { graphLayout } from '../layouts.ts'
import { namesIn } from '../names/namings.ts'
import { hasBottlenecks, type ResNetShape, resNetGraph } from '../resnet.ts'
import { differences, differenceText } from '../tensor-differences.ts'
import type { CaseConfig } from './case-config.ts'

/** Names and shapes. */
type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>

export interface CaseNetwork {
  readonly graph: Graph
  readonly layout: Layout
  /** The case's name of each of the layout's tensors. */
  readonly names: ReadonlyMap<string, string>
}

const CLASSIFIERS = ['classifier.1', 'classifier', '_fc', 'fc']

/** @throws {TesseraError} ERR_CASE_FILE naming tensors that are missing, too many or of another shape. */
export function networkOfCase(
  { architecture, naming, conventions }: CaseConfig,
  params: Shapes,
): CaseNetwork {
  const tensors = new Map([...params].filter(([name]) => !name.endsWith('num_batches_tracked')))
  const classes = classesOf(tensors)
  const other = {
    ...conventions,
    head: conventions.head === 'of-1280' ? 'of-last-block' : 'of-1280',
  } as const
  const readings = function* (): Generator<Graph> {
    yield describeNetwork(architecture, classes, conventions)
    yield describeNetwork(architecture, classes, other)
    if (/-b[1-4]$/.test(architecture.name)) {
      yield describeNetwork({ ...architecture, name: 'efficientnet-b0' }, classes, conventions)
    }
    if (architecture.name === 'resnet-18' || architecture.name === 'resnet-50') {
      const shape = resNetShapeOf(tensors, hasBottlenecks(architecture.name))
      yield resNetGraph(shape, classes, conventions)
    }
  }
  let first: string | null = null
  for (const graph of readings()) {
    const layout = graphLayout(architecture, graph)
    const names = namesIn(naming, graph, layout)
    const wanted = layout.tensors.map(
      (spec): TensorSpec => ({ ...spec, name: names.get(spec.name) ?? spec.name }),
    )
    const found = differences(wanted, tensors)
    if (found.count === 0) return { graph, layout, names }
    first ??= differenceText(found)
  }
  throw new TesseraError(
    'ERR_CASE_FILE',
    `case must have param.* of ${architectureText(architecture)} in ${naming} names, got: ${first}`,
  )
}

function classesOf(tensors: Shapes): number {
  for (const name of CLASSIFIERS) {
    const bias = tensors.get(`${name}.bias`)
    if (bias) return bias.shape[0] ?? 0
  }
  throw new TesseraError('ERR_CASE_FILE', 'case must have the bias of a classifier in param.*, got none')
}

/** Layers are counted; their channels are those of each stage's first block. */
function resNetShapeOf(tensors: Shapes, bottleneck: boolean): ResNetShape {
  const outputs = (name: string): number => tensors.get(`${name}.weight`)?.shape[0] ?? 0
  return {
    stemChannels: outputs('conv1'),
    stages: [1, 2, 3, 4].map((stage) => {
      let layers = 0
      while (tensors.has(`layer${stage}.${layers}.conv1.weight`)) layers++
      const block = `layer${stage}.0`
      return {
        width: outputs(`${block}.conv1`),
        outputs: outputs(`${block}.conv${bottleneck ? 3 : 2}`),
        layers,
      }
    }),
    bottleneck,
  }
}
