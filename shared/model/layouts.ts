/**
 * @file The layouts of teacher and student: torchvision's state dict without `num_batches_tracked` (nothing here reads it),
 * and for MoMA the tensors of the head and of the query's attention behind it.
 */
import { TesseraError } from '../errors.ts'
import type { Study } from '../protocol/study.ts'
import { type Architecture, architectureText, type Block, featureWidth, plan } from './architecture.ts'
import type { Layout, TensorSpec } from './layout.ts'

/** Tensors of a backbone and its classifier, in the order and under the names of torchvision's state dict. */
export function backboneLayout(architecture: Architecture, classes: number): Layout {
  const { stemChannels, blocks, lastName, lastChannels } = plan(architecture)
  const lastInput = blocks.at(-1)?.outputChannels ?? stemChannels
  return {
    architecture: `${architectureText(architecture)} classes=${classes}`,
    tensors: [
      trainable('features.0.0.weight', stemChannels, 3, 3, 3),
      ...batchNorm('features.0.1', stemChannels),
      ...blocks.flatMap(blockTensors),
      trainable(`${lastName}.0.weight`, lastChannels, lastInput, 1, 1),
      ...batchNorm(`${lastName}.1`, lastChannels),
      ...linear('classifier.1', classes, lastChannels),
    ],
  }
}

/** Tensors of a study's student: the backbone and, for MoMA, `student_head` and `attention_query`. */
export function studentLayout(study: Study): Layout {
  const backbone = backboneLayout(study.student, study.classes.length)
  const { method } = study
  if (method.name !== 'moma') return backbone
  return {
    // The number of heads changes what the attention computes without changing a shape: it is part of the text.
    architecture: `${backbone.architecture} moma feature-dim=${method.featureDim} heads=${method.heads}`,
    tensors: [
      ...backbone.tensors,
      ...headTensors('student_head', featureWidth(study.student), method.featureDim),
      ...attentionTensors('attention_query', method.featureDim),
    ],
  }
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

function blockTensors(block: Block): TensorSpec[] {
  const { inputChannels, expandedChannels, squeezeChannels, outputChannels, kernel } = block
  const names = blockNames(block)
  return [
    ...(names.expand
      ? [
          trainable(`${names.expand}.0.weight`, expandedChannels, inputChannels, 1, 1),
          ...batchNorm(`${names.expand}.1`, expandedChannels),
        ]
      : []),
    trainable(`${names.depthwise}.0.weight`, expandedChannels, 1, kernel, kernel),
    ...batchNorm(`${names.depthwise}.1`, expandedChannels),
    trainable(`${names.squeeze}.fc1.weight`, squeezeChannels, expandedChannels, 1, 1),
    trainable(`${names.squeeze}.fc1.bias`, squeezeChannels),
    trainable(`${names.squeeze}.fc2.weight`, expandedChannels, squeezeChannels, 1, 1),
    trainable(`${names.squeeze}.fc2.bias`, expandedChannels),
    trainable(`${names.project}.0.weight`, outputChannels, expandedChannels, 1, 1),
    ...batchNorm(`${names.project}.1`, outputChannels),
  ]
}

/** Names of a block's parts. torchvision numbers them in sequence, so a block without expansion starts one lower. */
export function blockNames(block: Block): {
  expand: string | null
  depthwise: string
  squeeze: string
  project: string
} {
  const expands = block.expandedChannels !== block.inputChannels
  const part = (place: number): string => `${block.name}.block.${expands ? place : place - 1}`
  return { expand: expands ? part(0) : null, depthwise: part(1), squeeze: part(2), project: part(3) }
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
