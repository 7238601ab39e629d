/**
 * @file What a site must know to run an ONNX model as a teacher: found in the file, or given as hints; where neither says it, an error that
 * says what to give.
 *
 * Nothing is guessed that a wrong guess would spoil in silence: a normalisation that does not fit costs accuracy and raises no error.
 */
import type { OnnxTeacher } from '../../protocol/teacher.ts'
import { quoted } from '../safetensors-header.ts'
import { onnxBroken, onnxUnclear } from './fault.ts'
import { METADATA } from './metadata.ts'
import { findFeatures, findLogits, type OutputHints } from './outputs.ts'
import type { Dimension, OnnxModel, OnnxValue } from './read.ts'

type Input = OnnxTeacher['input']

/** What a person says about a model. Each is needed only when the file leaves it open. */
export interface OnnxHints extends OutputHints {
  readonly sizePx?: number | undefined
  readonly layout?: Input['layout'] | undefined
  readonly mean?: Input['mean'] | undefined
  readonly deviation?: Input['deviation'] | undefined
}

export type OnnxDescription = Pick<OnnxTeacher, 'featureWidth' | 'input' | 'features' | 'logits'>

/** TensorProto.DataType.FLOAT */
const FLOAT = 1

/**
 * Describes a model as a teacher.
 * @param classes Of its logits: the study's, when the teacher's task is the study's. Null for a teacher of another task, whose logits are not used.
 * @throws {TesseraError} ERR_ONNX_FILE if the model cannot be a teacher at all; ERR_ONNX_UNCLEAR if something must be given.
 */
export function describeOnnx(model: OnnxModel, classes: number | null, hints: OnnxHints): OnnxDescription {
  const input = describeInput(model, hints)
  const logits = classes === null ? null : findLogits(model, classes, hints)
  const features = findFeatures(model, logits, input.layout, hints)
  return {
    featureWidth: features.width,
    input,
    features: { tensor: features.tensor, pool: features.pool },
    ...(logits === null || classes === null ? {} : { logits: { tensor: logits.tensor, classes } }),
  }
}

function describeInput(model: OnnxModel, hints: OnnxHints): Input {
  const [value, ...others] = model.inputs
  if (value === undefined || others.length > 0) {
    const names = model.inputs.map(({ name }) => quoted(name)).join(', ')
    throw onnxBroken(`model must have one input, the image, got ${names || 'none'}`)
  }
  if (value.elementType !== null && value.elementType !== FLOAT) {
    throw onnxBroken(`input ${quoted(value.name)} must be float32, got ONNX's type ${value.elementType}`)
  }
  const shape = value.shape ?? ['', '', '', '']
  if (shape.length !== 4) {
    throw onnxBroken(`input ${quoted(value.name)} must have 4 dimensions, got ${shapeText(value)}`)
  }
  if (typeof shape[0] === 'number' && shape[0] !== 1) {
    throw onnxBroken(`batch of input ${quoted(value.name)} must be free or 1, got ${shapeText(value)}`)
  }
  const layout = layoutOf(value, shape, hints)
  return {
    tensor: value.name,
    sizePx: sizeOf(value, layout === 'nchw' ? shape.slice(2) : shape.slice(1, 3), hints),
    layout,
    ...normalisationOf(model, hints),
  }
}

function layoutOf(value: OnnxValue, shape: readonly Dimension[], { layout }: OnnxHints): Input['layout'] {
  const [, second, , last] = shape
  const fits = { nchw: canBe(second, 3), nhwc: canBe(last, 3) }
  if (layout !== undefined) {
    if (fits[layout]) return layout
    throw onnxUnclear(
      `input ${quoted(value.name)} must have 3 channels for --layout ${layout}, got ${shapeText(value)}`,
    )
  }
  if (second === 3 && last !== 3) return 'nchw'
  if (last === 3 && second !== 3) return 'nhwc'
  if (!fits.nchw && !fits.nhwc) {
    throw onnxBroken(`input ${quoted(value.name)} must have 3 channels, got ${shapeText(value)}`)
  }
  throw onnxUnclear(
    `layout of input ${quoted(value.name)} must be known, got ${shapeText(value)}: give --layout nchw or --layout nhwc`,
  )
}

function sizeOf(value: OnnxValue, sides: readonly Dimension[], { sizePx }: OnnxHints): number {
  const [height = '', width = ''] = sides
  if (typeof height === 'number' && typeof width === 'number' && height !== width) {
    throw onnxBroken(`input ${quoted(value.name)} must be square, got ${shapeText(value)}`)
  }
  const fixed = [height, width].find((side) => typeof side === 'number')
  if (fixed !== undefined && sizePx !== undefined && fixed !== sizePx) {
    throw onnxUnclear(`--input-size must be the size of input ${quoted(value.name)}, ${fixed}, got ${sizePx}`)
  }
  const size = sizePx ?? fixed
  if (typeof size === 'number') return size
  throw onnxUnclear(
    `size of input ${quoted(value.name)} must be known, got ${shapeText(value)}: give --input-size PIXELS, the size it was trained at`,
  )
}

function normalisationOf({ metadata }: OnnxModel, hints: OnnxHints): Pick<Input, 'mean' | 'deviation'> {
  const mean = hints.mean ?? channels(metadata.get(METADATA.mean))
  const deviation = hints.deviation ?? channels(metadata.get(METADATA.deviation))
  if (mean !== null && deviation !== null) return { mean, deviation }
  throw onnxUnclear(
    'normalisation of the teacher must be known, got a file that does not say it: give --mean R,G,B and --std R,G,B ' +
      '(for values from 0 to 1; ImageNet: --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225)',
  )
}

/** Reads `r,g,b`; null when it is something else. */
export function channels(text: string | undefined): [number, number, number] | null {
  const [red, green, blue, more] = (text ?? '')
    .split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  if (red === undefined || green === undefined || blue === undefined || more !== undefined) return null
  return [red, green, blue].every(Number.isFinite) ? [red, green, blue] : null
}

function canBe(dimension: Dimension | undefined, size: number): boolean {
  return typeof dimension === 'number' ? dimension === size : dimension !== undefined
}

function shapeText({ shape }: OnnxValue): string {
  return shape === null ? 'no shape' : `[${shape.map((side) => (side === '' ? '?' : side)).join(', ')}]`
}
