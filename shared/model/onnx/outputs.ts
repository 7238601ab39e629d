/** @file Which tensors of an ONNX model are its logits and its features. */
import type { OnnxTeacher } from '../../protocol/teacher.ts'
import { quoted } from '../safetensors-header.ts'
import { beforeSoftmax, linearLayerOf } from './classifier.ts'
import { onnxUnclear } from './fault.ts'
import { METADATA } from './metadata.ts'
import type { Dimension, OnnxModel } from './read.ts'

type Pool = OnnxTeacher['features']['pool']

export interface OutputHints {
  /** Names of tensors: outputs, or any that a node makes. */
  readonly features?: string | undefined
  readonly logits?: string | undefined
  /** Of features with positions or tokens. */
  readonly pool?: Pool | undefined
}

/** The logits: `output` as the model names them, `tensor` what is read (before a softmax). */
export interface FoundLogits {
  readonly output: string
  readonly tensor: string
}

/**
 * Finds the logits of `classes` classes.
 * @throws {TesseraError} ERR_ONNX_UNCLEAR if none or several could be.
 */
export function findLogits(model: OnnxModel, classes: number, hints: OutputHints): FoundLogits {
  const given = hints.logits ?? model.metadata.get(METADATA.logits)
  if (given !== undefined) {
    const tensor = beforeSoftmax(model, known(model, given, '--logits'))
    const width = shapeOf(model, tensor)?.at(-1)
    if (typeof width === 'number' && width !== classes) {
      throw onnxUnclear(`logits must have the study's ${classes} classes, got ${quoted(given)} with ${width}`)
    }
    return { output: given, tensor }
  }
  const fitting = model.outputs.filter(({ name }) => {
    const shape = shapeOf(model, name)
    return shape?.length === 2 && shape[1] === classes
  })
  const [only] = fitting
  if (only !== undefined && fitting.length === 1) {
    return { output: only.name, tensor: beforeSoftmax(model, only.name) }
  }
  throw onnxUnclear(
    `teacher of the same task must have one output of ${classes} classes, got ${listing(model)}: give --logits OUTPUT, ` +
      'or set teacher.task to different',
  )
}

/**
 * Finds the features and their width.
 * @param layout Of the input, and so of a feature map.
 * @throws {TesseraError} ERR_ONNX_UNCLEAR if they, their width or how to pool them cannot be told.
 */
export function findFeatures(
  model: OnnxModel,
  logits: FoundLogits | null,
  layout: 'nchw' | 'nhwc',
  hints: OutputHints,
): { tensor: string; width: number; pool: Pool } {
  const tensor = featureTensor(model, logits, hints)
  const shape = shapeOf(model, tensor)
  const width = { 2: shape?.[1], 3: shape?.[2], 4: layout === 'nchw' ? shape?.[1] : shape?.[3] }[
    shape?.length ?? 0
  ]
  if (typeof width !== 'number') {
    const got = shape === null ? 'none in the file' : textOf(shape)
    throw onnxUnclear(
      `features ${quoted(tensor)} must have a shape [B, D], [B, T, D] or a map with a known width D, got ${got}: give --features ` +
        `with another tensor, or run ONNX's shape inference on the file; it has ${listing(model)}`,
    )
  }
  return { tensor, width, pool: poolOf(tensor, shape?.length ?? 0, hints) }
}

function featureTensor(model: OnnxModel, logits: FoundLogits | null, hints: OutputHints): string {
  const given = hints.features ?? model.metadata.get(METADATA.features)
  if (given !== undefined) return known(model, given, '--features')
  const others = model.outputs.filter(({ name }) => name !== logits?.output)
  if (others.length === 0 && logits !== null) {
    const classifier = linearLayerOf(model, logits.tensor)
    if (classifier !== null) return classifier.input
  }
  const [only] = others
  // A lone output of a linear layer may be an embedding or another task's logits: only a person knows.
  const sure =
    logits !== null || only === undefined || linearLayerOf(model, beforeSoftmax(model, only.name)) === null
  if (only !== undefined && others.length === 1 && sure) return only.name
  // An output that another one's linear layer reads: features and their classifier, whatever it tells apart.
  const classified = others.filter(({ name }) =>
    others.some((other) => linearLayerOf(model, beforeSoftmax(model, other.name))?.input === name),
  )
  if (logits === null && others.length === 2 && classified[0] !== undefined) return classified[0].name
  throw onnxUnclear(`features of the teacher must be known, got ${listing(model)}: give --features TENSOR`)
}

function poolOf(tensor: string, rank: number, { pool }: OutputHints): Pool {
  const allowed: readonly Pool[] = rank === 2 ? ['none'] : rank === 4 ? ['mean'] : ['mean', 'first']
  if (pool !== undefined && !allowed.includes(pool)) {
    throw onnxUnclear(
      `--pool must be ${allowed.join(' or ')} for features of ${rank} dimensions, got ${pool}`,
    )
  }
  const chosen = pool ?? (allowed.length === 1 ? allowed[0] : undefined)
  if (chosen !== undefined) return chosen
  throw onnxUnclear(
    `features ${quoted(tensor)} must be one row a tile, got tokens: give --pool first (the class token) or --pool mean`,
  )
}

/** Checks that a tensor exists. */
function known(model: OnnxModel, tensor: string, flag: string): string {
  if (model.makers.has(tensor)) return tensor
  throw onnxUnclear(
    `${flag} must name a tensor that the model computes, got ${quoted(tensor)}; it has ${listing(model)}`,
  )
}

/** The shape of a tensor as far as the file says it, or as its linear layer has it. */
function shapeOf(model: OnnxModel, tensor: string): readonly Dimension[] | null {
  const value = model.outputs.find(({ name }) => name === tensor) ?? model.inner.get(tensor)
  const stated = value?.shape ?? null
  if (stated !== null && typeof stated.at(-1) === 'number') return stated
  const made = linearLayerOf(model, tensor)
  if (made !== null) return ['', made.outputWidth]
  for (const node of model.makers.values()) {
    // What a linear layer reads has as many columns as the layer has rows.
    const read = node.inputs[0] === tensor ? linearLayerOf(model, node.outputs[0] ?? '') : null
    if (read?.input === tensor)
      return stated?.length === 3 ? ['', '', read.inputWidth] : ['', read.inputWidth]
  }
  return stated
}

/** All outputs with their shapes, and what the last linear layer of each reads. */
function listing(model: OnnxModel): string {
  const lines = model.outputs.map(({ name, shape }) => {
    const layer = linearLayerOf(model, beforeSoftmax(model, name))
    const from = layer === null ? '' : ` (computed from ${quoted(layer.input)} [?, ${layer.inputWidth}])`
    return `${quoted(name)} ${shape === null ? 'without a shape' : textOf(shape)}${from}`
  })
  return lines.length === 0 ? 'no outputs' : `outputs ${lines.slice(0, 16).join(', ')}`
}

function textOf(shape: readonly Dimension[]): string {
  return `[${shape.map((side) => (side === '' ? '?' : side)).join(', ')}]`
}
