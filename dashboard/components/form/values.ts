/** @file What a form holds: what it begins with, and what is wrong with it. Values are JSON; undefined is left out. */
import type { Field, ListField, NumberField, TextField, UnionField } from './fields.ts'

export type Values = Readonly<Record<string, unknown>>

/** What is wrong, in words that the caller has. */
export interface FaultTexts {
  readonly required: string
  readonly number: string
  readonly integer: string
  readonly least: (least: number) => string
  readonly most: (most: number) => string
  readonly above: (above: number) => string
  readonly below: (below: number) => string
  readonly pattern: string
  readonly tooLong: (most: number) => string
  readonly fewItems: (least: number) => string
  readonly manyItems: (most: number) => string
}

/** What a field holds before anybody has touched it: the schema's default, and the least there can be. */
export function initialValue(field: Field, initial?: unknown): unknown {
  switch (field.kind) {
    case 'group': {
      const given = isValues(initial) ? initial : {}
      return Object.fromEntries(
        field.members.flatMap(({ key, field: member, required, initial: own }) => {
          const start = given[key] ?? own
          // What may be left out and has no default is left out.
          if (start === undefined && !required) return []
          return [[key, initialValue(member, start)]]
        }),
      )
    }
    case 'union': {
      const variant = field.variants[variantIndex(field, initial)]
      return variant === undefined ? initial : initialValue(variant.field, initial)
    }
    case 'constant':
      return field.value
    case 'list':
      return initial ?? []
    case 'choice':
      return initial ?? field.options[0]
    case 'flag':
      return initial ?? false
    case 'text':
      return initial ?? ''
    case 'number':
      return initial
  }
}

/** Which of the variants a value is; the first when it is none of them. */
export function variantIndex({ variants }: UnionField, value: unknown): number {
  const found = variants.findIndex(({ field }) => fits(field, value))
  return Math.max(0, found)
}

function fits(field: Field, value: unknown): boolean {
  switch (field.kind) {
    case 'constant':
      return value === field.value
    case 'group':
      if (!isValues(value)) return false
      return field.members.every(({ key, field: member, required }) => {
        if (value[key] === undefined) return !required || member.kind !== 'constant'
        return member.kind === 'constant' || member.kind === 'choice' ? fits(member, value[key]) : true
      })
    case 'choice':
      return typeof value === 'string' && field.options.includes(value)
    case 'number':
      return typeof value === 'number'
    case 'text':
      return typeof value === 'string'
    case 'flag':
      return typeof value === 'boolean'
    case 'list':
      return Array.isArray(value)
    case 'union':
      return field.variants.some((variant) => fits(variant.field, value))
  }
}

/** Gives one sentence a field that is wrong, by its path: `training.rounds`. */
export function faultsOf(field: Field, value: unknown, texts: FaultTexts, path = ''): Map<string, string> {
  const faults = new Map<string, string>()
  const note = (fault: string | null): void => {
    if (fault !== null) faults.set(path, fault)
  }
  if (field.kind === 'group') {
    const values = isValues(value) ? value : {}
    for (const { key, field: member, required } of field.members) {
      if (values[key] === undefined && !required) continue
      for (const [at, fault] of faultsOf(member, values[key], texts, joinPath(path, key)))
        faults.set(at, fault)
    }
  } else if (field.kind === 'union') {
    const variant = field.variants[variantIndex(field, value)]
    return variant === undefined ? faults : faultsOf(variant.field, value, texts, path)
  } else if (field.kind === 'text') note(textFault(field, value, texts))
  else if (field.kind === 'number') note(numberFault(field, value, texts))
  else if (field.kind === 'list') note(listFault(field, value, texts))
  return faults
}

export function joinPath(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

function textFault(
  { pattern, minLength, maxLength }: TextField,
  value: unknown,
  texts: FaultTexts,
): string | null {
  const text = typeof value === 'string' ? value : ''
  if (text === '' && (minLength > 0 || pattern !== null)) return texts.required
  if (text.length > maxLength) return texts.tooLong(maxLength)
  return pattern !== null && !new RegExp(pattern, 'u').test(text) ? texts.pattern : null
}

function numberFault(field: NumberField, value: unknown, texts: FaultTexts): string | null {
  if (value === undefined) return texts.required
  if (typeof value !== 'number' || !Number.isFinite(value)) return texts.number
  const { integer, least, most, above, below } = field
  if (integer && !Number.isInteger(value)) return texts.integer
  if (least !== null && value < least) return texts.least(least)
  if (above !== null && value <= above) return texts.above(above)
  if (most !== null && value > most) return texts.most(most)
  return below !== null && value >= below ? texts.below(below) : null
}

function listFault(
  { item, minItems, maxItems }: ListField,
  value: unknown,
  texts: FaultTexts,
): string | null {
  const items = Array.isArray(value) ? (value as unknown[]) : []
  if (items.length < minItems) return texts.fewItems(minItems)
  if (items.length > maxItems) return texts.manyItems(maxItems)
  for (const entry of items) {
    const fault = item.kind === 'text' ? textFault(item, entry, texts) : numberFault(item, entry, texts)
    if (fault !== null) return fault
  }
  return null
}

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
