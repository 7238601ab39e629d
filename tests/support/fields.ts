/** @file Says in words what a schema takes: `loss: number or null, contributors: list of {site, samples}`. */
import { siteMetrics, study, studyPhase } from '@tessera/shared/protocol'
import { z } from 'zod'

/** Parts with a name of their own in the tables. */
const NAMED = new Map<z.ZodType, string>([
  [study, 'study'],
  [siteMetrics, 'metrics'],
  [studyPhase, 'phase'],
])

/** One field a name, in the order of declaration. */
export function fieldsOf(schema: z.ZodType): Record<string, string> {
  if (!(schema instanceof z.ZodObject)) throw new Error('a message must be an object')
  const shape = schema.shape as Record<string, z.ZodType>
  return Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, typeOf(field)]))
}

/** The fields in one line; `none` for an empty object. */
export function fieldText(schema: z.ZodType): string {
  const fields = Object.entries(fieldsOf(schema)).map(([name, type]) => `${name}: ${type}`)
  return fields.length === 0 ? 'none' : fields.join(', ')
}

/** The type of one field in words. */
export function typeOf(schema: z.ZodType): string {
  const name = NAMED.get(schema)
  if (name !== undefined) return name
  if (schema instanceof z.ZodNullable) return `${typeOf(schema.unwrap() as z.ZodType)} or null`
  if (schema instanceof z.ZodOptional) return `${typeOf(schema.unwrap() as z.ZodType)} or absent`
  if (schema instanceof z.ZodUnion)
    return [...new Set((schema.options as z.ZodType[]).map(typeOf))].join(' or ')
  if (schema instanceof z.ZodArray) return `list of ${typeOf(schema.element as z.ZodType)}`
  if (schema instanceof z.ZodObject) return `{${Object.keys(fieldsOf(schema)).join(', ')}}`
  if (schema instanceof z.ZodEnum) return 'code'
  if (schema instanceof z.ZodLiteral) return schema.value === '' ? 'text' : String(schema.value)
  if (schema instanceof z.ZodNumber) return schema.format === 'safeint' ? 'integer' : 'number'
  if (schema instanceof z.ZodString) return 'text'
  if (schema instanceof z.ZodBoolean) return 'yes or no'
  if (schema instanceof z.ZodCustom) return 'bytes'
  throw new Error(`no word for ${schema.def.type}`)
}
