/** @file What an ONNX teacher's file may leave open: the fields that ask for it, and what is sent and typed of them. */
import type { NewStudy } from '@tessera/shared/dashboard/coordinator-api'
import { fieldOf, type GroupField, type JsonSchema } from '../components/form/fields.ts'
import { isValues } from '../components/form/values.ts'

export type OnnxHints = NonNullable<NewStudy['onnx']>

/** A number each of red, green and blue. */
const channels: JsonSchema = { type: 'array', items: { type: 'number' }, minItems: 3, maxItems: 3 }
/** As the bodies of coordinator/dashboard/acts-on-studies.ts have them. */
const PROPERTIES = {
  inputSize: { type: 'integer', minimum: 1, maximum: 100_000 },
  layout: { enum: ['nchw', 'nhwc'] },
  mean: channels,
  std: channels,
  features: { type: 'string', maxLength: 256 },
  pool: { enum: ['first', 'mean'] },
  logits: { type: 'string', maxLength: 256 },
} satisfies Record<keyof OnnxHints, JsonSchema>

/** All may be left out: most files say it themselves. */
export const ONNX_FIELDS = fieldOf({ type: 'object', properties: PROPERTIES }) as GroupField

export function isOnnxFile(file: Pick<File, 'name'> | null): boolean {
  return file?.name.toLowerCase().endsWith('.onnx') ?? false
}

/** What is filled in; a list that was emptied again is not. */
export function onnxHints(value: unknown): OnnxHints {
  if (!isValues(value)) return {}
  const given = ([, hint]: [string, unknown]): boolean =>
    hint !== undefined && hint !== '' && !(Array.isArray(hint) && hint.length === 0)
  return Object.fromEntries(Object.entries(value).filter(given))
}

const FLAGS = {
  inputSize: '--input-size',
  layout: '--layout',
  mean: '--mean',
  std: '--std',
  features: '--features',
  pool: '--pool',
  logits: '--logits',
} satisfies Record<keyof OnnxHints, string>

/** The flags of `tessera coordinator study create` that say the same. */
export function onnxFlags(hints: OnnxHints): string {
  const names = Object.keys(FLAGS) as (keyof OnnxHints)[]
  return names
    .filter((name) => hints[name] !== undefined)
    .map((name) => ` ${FLAGS[name]} ${String(hints[name])}`)
    .join('')
}
