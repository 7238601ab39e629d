/** @file A form's fields, from a JSON schema as zod writes it. */

/** What is read of a JSON schema; the rest is the server's to check. */
export interface JsonSchema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema | false
  readonly prefixItems?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly enum?: readonly string[]
  readonly const?: string | null
  readonly default?: unknown
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
}

export interface TextField {
  readonly kind: 'text'
  readonly pattern: string | null
  readonly minLength: number
  readonly maxLength: number
}
export interface NumberField {
  readonly kind: 'number'
  readonly integer: boolean
  /** Bounds that are allowed themselves. */
  readonly least: number | null
  readonly most: number | null
  /** Bounds that are not. */
  readonly above: number | null
  readonly below: number | null
}
export interface ChoiceField {
  readonly kind: 'choice'
  readonly options: readonly string[]
}
/** One item a line. */
export interface ListField {
  readonly kind: 'list'
  readonly item: TextField | NumberField
  readonly minItems: number
  readonly maxItems: number
}
export interface GroupField {
  readonly kind: 'group'
  readonly members: readonly Member[]
}
/** One of several forms. */
export interface UnionField {
  readonly kind: 'union'
  readonly variants: readonly Variant[]
}
export type Field =
  | TextField
  | NumberField
  | ChoiceField
  | ListField
  | GroupField
  | UnionField
  | { readonly kind: 'flag' }
  | { readonly kind: 'constant'; readonly value: string | null }

export interface Member {
  readonly key: string
  readonly field: Field
  readonly required: boolean
  /** As the schema has it; undefined when it has none. */
  readonly initial: unknown
}

export interface Variant {
  /** Its constant `name`, its value, or what kind of value it is. */
  readonly label: string
  readonly field: Field
}

/** @throws {Error} When the schema has a part that no field is for: a mistake of whoever wrote it, not of who fills it in. */
export function fieldOf(schema: JsonSchema): Field {
  const variants = schema.oneOf ?? schema.anyOf
  if (variants !== undefined) {
    const options = variants.map((variant) => variant.const)
    // Constants alone are a choice, however they were written.
    if (options.every((option) => typeof option === 'string')) return { kind: 'choice', options }
    return { kind: 'union', variants: variants.map((variant, i) => variantOf(variant, i)) }
  }
  if (schema.const !== undefined) return { kind: 'constant', value: schema.const }
  if (schema.enum !== undefined) return { kind: 'choice', options: schema.enum }
  switch (schema.type ?? '') {
    case 'string':
      return textField(schema)
    case 'number':
    case 'integer':
      return numberField(schema)
    case 'boolean':
      return { kind: 'flag' }
    case 'null':
      return { kind: 'constant', value: null }
    case 'object':
      return groupField(schema)
    case 'array':
      return listField(schema)
    default:
      throw new Error(`internal: schema must have a type that a form has a field for, got ${schema.type}`)
  }
}

function groupField({ properties = {}, required = [] }: JsonSchema): GroupField {
  const members = Object.entries(properties).map(([key, property]) => ({
    key,
    field: fieldOf(property),
    required: required.includes(key),
    initial: property.default,
  }))
  return { kind: 'group', members }
}

function listField({ items, prefixItems, minItems = 0, maxItems = Infinity }: JsonSchema): ListField {
  const item = fieldOf(prefixItems?.[0] ?? (items || {}))
  if (item.kind !== 'text' && item.kind !== 'number') {
    throw new Error(`internal: a list's items must be texts or numbers, got ${item.kind}`)
  }
  return { kind: 'list', item, minItems, maxItems }
}

function textField({ pattern, minLength = 0, maxLength = Infinity }: JsonSchema): TextField {
  return { kind: 'text', pattern: pattern ?? null, minLength, maxLength }
}

function numberField(schema: JsonSchema): NumberField {
  return {
    kind: 'number',
    integer: schema.type === 'integer',
    least: schema.minimum ?? null,
    most: schema.maximum ?? null,
    above: schema.exclusiveMinimum ?? null,
    below: schema.exclusiveMaximum ?? null,
  }
}

function variantOf(schema: JsonSchema, index: number): Variant {
  const field = fieldOf(schema)
  const name = schema.properties?.name?.const
  if (name !== undefined && name !== null) return { label: name, field }
  if (field.kind === 'constant') return { label: field.value ?? 'none', field }
  return { label: field.kind === 'group' ? `variant ${index + 1}` : field.kind, field }
}
