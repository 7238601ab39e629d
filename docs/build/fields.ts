/** @file The fields of a schema as lines of a table, with what the source's comments say of each. */
import { z } from 'zod'
import { typeWords } from './type-words.ts'

/** One schema that is a constant of a source file: its fields' comments are found under its name. */
export interface Declared {
  readonly name: string
  readonly schema: z.ZodType
  readonly comments: ReadonlyMap<string, string>
}

export interface Field {
  /** With the objects around it: `late.maxStaleness`, `contributors[].site`. */
  readonly path: string
  readonly takes: string
  /** As JSON, or bare `absent`: it may be left out. Null: it must be there. */
  readonly fallback: string | null
  /** Empty: the source says nothing of it. */
  readonly says: string
}

/** The inside of a field, and what happens when it is left out. */
function unwrap(field: z.ZodType): { inner: z.ZodType; bare: z.ZodType; fallback: Field['fallback'] } {
  let inner = field
  let bare = field
  let fallback: Field['fallback'] = null
  for (;;) {
    if (inner instanceof z.ZodPipe) {
      inner = inner.in as z.ZodType
      continue
    }
    if (inner instanceof z.ZodOptional) fallback = 'absent'
    else if (inner instanceof z.ZodDefault) fallback = JSON.stringify(inner.def.defaultValue)
    else if (inner instanceof z.ZodPrefault) fallback = defaultOfObject(inner.def.defaultValue)
    else if (!(inner instanceof z.ZodNullable)) return { inner, bare, fallback }
    // null is a value that the field takes: it stays in the words for it.
    const next = (inner as z.ZodOptional | z.ZodNullable).unwrap() as z.ZodType
    if (!(inner instanceof z.ZodNullable) && bare === inner) bare = next
    inner = next
  }
}

/** Of an object all of whose fields have defaults of their own, it is these. */
function defaultOfObject(value: unknown): string {
  return JSON.stringify(value) === '{}' ? 'that of its fields' : JSON.stringify(value)
}

/** A field without what may wrap it, and of a list what it holds. */
export function insideOf(field: z.ZodType): z.ZodType {
  return elementOf(unwrap(field).inner)
}

/** Reads schemas and their comments together. `closed`: paths of fields that are told elsewhere, whose own fields get no lines. */
export function fieldReader(
  declared: readonly Declared[],
): (root: z.ZodType, closed?: ReadonlySet<string>) => Field[] {
  const byConstant = new Map(declared.map((entry) => [entry.schema, entry]))
  const ofInstance = new Map<z.ZodType, { keys: Set<string>; says: string }>()

  const childrenOf = (schema: z.ZodType): [string, z.ZodType][] =>
    schema instanceof z.ZodObject ? Object.entries(schema.shape) : []

  // Fields that another schema takes over (`architecture.extend(…)`) are known by themselves; one that stands under several keys is a type, and says nothing.
  const register = (schema: z.ZodType, { name, comments }: Declared, path: string): void => {
    for (const [key, field] of childrenOf(schema)) {
      const { inner } = unwrap(field)
      const says = comments.get(`${name}.${path}${key}`) ?? ''
      for (const one of new Set([field, inner])) {
        const seen = ofInstance.get(one) ?? { keys: new Set<string>(), says: '' }
        ofInstance.set(one, { keys: seen.keys.add(key), says: seen.says || says })
      }
      if (!byConstant.has(inner)) register(elementOf(inner), { name, schema, comments }, `${path}${key}.`)
    }
  }
  for (const entry of declared) register(entry.schema, entry, '')

  const known = (field: z.ZodType, inner: z.ZodType): string => {
    for (const one of [field, inner]) {
      const { keys, says } = ofInstance.get(one) ?? { keys: new Set<string>(), says: '' }
      if (keys.size === 1 && says !== '') return says
    }
    return ''
  }

  const read = (
    schema: z.ZodType,
    from: Declared | undefined,
    path: string,
    shown: string,
    closed: ReadonlySet<string>,
  ): Field[] =>
    childrenOf(schema).flatMap(([key, field]) => {
      const { inner, bare, fallback } = unwrap(field)
      const place = `${path}${key}`
      const says = from?.comments.get(`${from.name}.${place}`) ?? known(field, inner)
      const own: Field = { path: `${shown}${key}`, takes: typeWords(bare), fallback, says }
      const element = elementOf(inner)
      const constant = byConstant.get(element)
      const mark = inner instanceof z.ZodArray ? '[]' : ''
      const below = closed.has(own.path)
        ? []
        : constant === undefined
          ? read(element, from, `${place}.`, `${shown}${key}${mark}.`, closed)
          : constant.schema instanceof z.ZodObject
            ? read(constant.schema, constant, '', `${shown}${key}${mark}.`, closed)
            : []
      return [own, ...below]
    })
  return (root, closed = new Set()) => read(root, byConstant.get(root), '', '', closed)
}

/** What a list holds; of a choice between a text and a list or an object, those. */
function elementOf(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType
  if (schema instanceof z.ZodUnion && !(schema instanceof z.ZodDiscriminatedUnion)) {
    const inside = (schema.options as z.ZodType[])
      .map(elementOf)
      .find((option) => option instanceof z.ZodObject)
    return inside ?? schema
  }
  return schema
}
