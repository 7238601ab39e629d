/**
 * @file The layouts of teacher and student: torchvision's state dict without `num_batches_tracked` (nothing here reads it),
 * and for MoMA the tensors of the head and of the query's attention behind it.
 */
import { TesseraError } from '../errors.ts'
import type { Study } from '../protocol/study.ts'
import {
  type Architecture,
  architectureText,
  describeNetwork,
  featureWidth,
  studentArchitecture,
} from './architecture.ts'
import type { Graph, Node } from './graph.ts'
import type { Layout, TensorKind, TensorSpec } from './layout.ts'

/** Tensors of a backbone and its classifier, in the order and under the names of torchvision's state dict. */
export function backboneLayout(architecture: Architecture, classes: number): Layout {
  return graphLayout(architecture, describeNetwork(architecture, classes))
}

/** Tensors of a described network, under the names of its layers. */
export function graphLayout(architecture: Architecture, graph: Graph): Layout {
  return {
    architecture: `${architectureText(architecture)} classes=${graph.classes}`,
    tensors: graph.nodes.flatMap(nodeTensors),
  }
}

/** Tensors of one layer; none for a layer without parameters. */
export function nodeTensors(node: Node): TensorSpec[] {
  const { name } = node
  switch (node.kind) {
    case 'convolution': {
      const { inputs, outputs, kernel, depthwise } = node
      return [trainable(`${name}.weight`, outputs, depthwise ? 1 : inputs, kernel, kernel)]
    }
    case 'norm':
      return batchNorm(name, node.channels)
    case 'squeeze-excite': {
      const { channels, squeezed } = node
      return [
        trainable(`${name}.fc1.weight`, squeezed, channels, 1, 1),
        trainable(`${name}.fc1.bias`, squeezed),
        trainable(`${name}.fc2.weight`, channels, squeezed, 1, 1),
        trainable(`${name}.fc2.bias`, channels),
      ]
    }
    case 'classifier':
      return linear(name, node.classes, node.features)
    case 'max-pool':
    case 'add':
    case 'global-average-pool':
      break
  }
  return []
}

/** True for a tensor of the classifier: of any network, of a student or a teacher. */
export function isClassifierTensor(name: string): boolean {
  return /^(classifier\.1|fc)\.(weight|bias)$/.test(name)
}

/**
 * Tensors of a study's student: the backbone and what else is learnt: for MoMA `student_head` and `attention_query`, for CRD `student_embed` and
 * `teacher_embed`. With FedBN the batch norms are `local-only`,
 * parameters and statistics alike: each site keeps its own.
 */
export function studentLayout(study: Study): Layout {
  const layout = trainedLayout(study)
  if (study.federation.strategy.name !== 'fedbn') return layout
  const names = new Set(layout.tensors.map(({ name }) => name))
  const isNorm = (name: string): boolean => names.has(name.replace(/[^.]+$/, 'running_mean'))
  return withKind(layout, isNorm, 'local-only')
}

function withKind(layout: Layout, chosen: (name: string) => boolean, kind: TensorKind): Layout {
  return {
    ...layout,
    tensors: layout.tensors.map((spec) => (chosen(spec.name) ? { ...spec, kind } : spec)),
  }
}

/** As {@link studentLayout}, as a site trains it: what is its own has the kind that training knows it by. */
export function trainedLayout(study: Study): Layout {
  const backbone = backboneLayout(studentArchitecture(study), study.classes.length)
  const { method } = study
  // The classifier is the teacher's and stays it: neither trained nor averaged.
  if (method.name === 'simkd') return withKind(backbone, isClassifierTensor, 'local-only')
  const width = featureWidth(study.student)
  if (method.name === 'crd') {
    return {
      architecture: `${backbone.architecture} crd feature-dim=${method.featureDim}`,
      tensors: [
        ...backbone.tensors,
        ...linear('student_embed', method.featureDim, width),
        ...linear('teacher_embed', method.featureDim, teacherWidth(study)),
      ],
    }
  }
  if (method.name !== 'moma') return backbone
  const head = headTensors('student_head', width, method.featureDim)
  if (method.attention === 'none') {
    return {
      architecture: `${backbone.architecture} moma feature-dim=${method.featureDim}`,
      tensors: [...backbone.tensors, ...head],
    }
  }
  return {
    // The number of heads changes what the attention computes without changing a shape: it is part of the text.
    architecture: `${backbone.architecture} moma feature-dim=${method.featureDim} heads=${method.heads}`,
    tensors: [...backbone.tensors, ...head, ...attentionTensors('attention_query', method.featureDim)],
  }
}

/** @throws {TesseraError} ERR_STUDY_INVALID */
function teacherWidth({ teacher, method }: Study): number {
  if (teacher) return teacher.name === 'onnx' ? teacher.featureWidth : featureWidth(teacher)
  throw new TesseraError('ERR_STUDY_INVALID', `study must have a teacher for method ${method.name}, got none`)
}

/**
 * Tensors of a study's teacher.
 * @throws {TesseraError} ERR_STUDY_INVALID if the study has no teacher, or an ONNX file as its teacher.
 */
export function teacherLayout(study: Study): Layout {
  if (!study.teacher) throw new TesseraError('ERR_STUDY_INVALID', 'study must have a teacher, got none')
  if (study.teacher.name === 'onnx') {
    throw new TesseraError(
      'ERR_STUDY_INVALID',
      'teacher must have a layout, got an ONNX file that has its own',
    )
  }
  return backboneLayout(study.teacher, study.teacher.classes)
}

/** Tensors of a projection head, Linear(D, D), ReLU, Linear(D, C): `<name>.fc1`, `<name>.fc2`. */
export function headTensors(name: string, featureWidth: number, featureDim: number): TensorSpec[] {
  return [
    ...linear(`${name}.fc1`, featureWidth, featureWidth),
    ...linear(`${name}.fc2`, featureDim, featureWidth),
  ]
}

/** Tensors of an attention over the batch: `<name>.qkv` (rows: all of q, then k, then v) and `<name>.proj`. */
export function attentionTensors(name: string, featureDim: number): TensorSpec[] {
  return [
    ...linear(`${name}.qkv`, 3 * featureDim, featureDim),
    ...linear(`${name}.proj`, featureDim, featureDim),
  ]
}

function trainable(name: string, ...shape: number[]): TensorSpec {
  return { name, shape, kind: 'trainable' }
}

function linear(name: string, outputs: number, inputs: number): TensorSpec[] {
  return [trainable(`${name}.weight`, outputs, inputs), trainable(`${name}.bias`, outputs)]
}

function batchNorm(name: string, channels: number): TensorSpec[] {
  return [
    trainable(`${name}.weight`, channels),
    trainable(`${name}.bias`, channels),
    { name: `${name}.running_mean`, shape: [channels], kind: 'statistic' },
    { name: `${name}.running_var`, shape: [channels], kind: 'statistic' },
  ]
}
