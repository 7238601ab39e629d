/** @file Which networks there are, and the layers of each. */
import type { Architecture as StudyArchitecture } from '../protocol/architecture.ts'
import type { Study } from '../protocol/study.ts'
import { type Conventions, conventionsOf } from './conventions.ts'
import { efficientNetGraph, planEfficientNet } from './efficientnet.ts'
import type { Graph } from './graph.ts'
import { type Projector, withProjector } from './projector.ts'
import { planResNet, resNetGraph } from './resnet.ts'

/** The part of a study's `student` or `teacher` that decides shapes and layers. Multipliers 1 and 1 give the named network. */
export type Architecture = Pick<
  StudyArchitecture,
  'name' | 'widthMultiplier' | 'depthMultiplier' | 'flavour'
> & {
  /** Of a student that SimKD trains. */
  readonly projector?: Projector
}

/** Gives the layers of a network. @param conventions Others than those of the architecture's flavour. */
export function describeNetwork(
  architecture: Architecture,
  classes: number,
  conventions: Conventions = conventionsOf(architecture.flavour),
): Graph {
  const graph = backboneGraph(architecture, classes, conventions)
  return architecture.projector ? withProjector(graph, architecture.projector, conventions) : graph
}

function backboneGraph(architecture: Architecture, classes: number, conventions: Conventions): Graph {
  const { name } = architecture
  if (name === 'resnet-18' || name === 'resnet-50') {
    return resNetGraph(planResNet({ ...architecture, name }), classes, conventions)
  }
  const plan = planEfficientNet({ ...architecture, name }, conventions)
  return efficientNetGraph(plan, classes, conventions)
}

/** Width D of the features after global average pooling. */
export function featureWidth(architecture: Architecture): number {
  return describeNetwork(architecture, 1).features
}

/** The network of a study's student: the one that the study names and, for SimKD, the projector to its teacher's width. */
export function studentArchitecture({ student, method, teacher }: Study): Architecture {
  if (method.name !== 'simkd' || !teacher || teacher.name === 'onnx') return student
  const features = featureWidth(teacher)
  const hidden = Math.max(1, Math.floor(features / method.factor))
  return { ...student, projector: { hidden, features } }
}

/** True when both give the same tensors and compute the same with them. */
export function sameArchitecture(a: Architecture, b: Architecture): boolean {
  return architectureText(a) === architectureText(b)
}

/** Text of an architecture, for instance `efficientnet-b0 width=0.25 depth=0.34`; with its flavour where that is not torchvision's, and its projector. */
export function architectureText(architecture: Architecture): string {
  const { name, widthMultiplier, depthMultiplier, flavour = 'torchvision', projector } = architecture
  return [
    `${name} width=${widthMultiplier} depth=${depthMultiplier}`,
    ...(flavour === 'torchvision' ? [] : [`flavour=${flavour}`]),
    ...(projector ? [`projector=${projector.hidden}x${projector.features}`] : []),
  ].join(' ')
}
