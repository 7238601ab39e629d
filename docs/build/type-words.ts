/** @file Says in words what a field takes: `whole number, 1 to 1,000`, `` `seed`, `teacher` or `file` ``. */
import { z } from 'zod'

/** What is read of a JSON schema. */
interface Shape {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
  readonly oneOf?: readonly Shape[]
  readonly items?: Shape | false
  readonly prefixItems?: readonly Shape[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly format?: string
}

/** Texts whose form has a name, by their pattern. */
const FORMS: Readonly<Record<string, string>> = {
  '^[a-z0-9][a-z0-9_-]{0,62}$': 'name',
  '^[0-9a-f]{64}$': 'SHA-256',
  '^[A-Za-z0-9_-]{43}$': 'public key',
  '^([0-9a-f]{4} ){7}[0-9a-f]{4}$': 'fingerprint',
  '^([01]\\d|2[0-3]):[0-5]\\d$|^24:00$': 'time of day',
}
/** What these names stand for. */
export const FORM_LEGEND: Readonly<Record<string, string>> = {
  name: '1 to 63 of `a`-`z`, `0`-`9`, `-` and `_`, the first no sign',
  'SHA-256': '64 hex digits',
  'public key': 'Ed25519, 32 bytes in base64url',
  fingerprint: 'eight groups of four hex digits, with a space between two',
  'time of day': '`00:00` to `24:00`',
}
/** Enumerations as long as the table of errors would fill the page. */
const LONGEST_ENUMERATION = 12
/** What JSON schema writes where a number has no bound of its own. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER

/** Words for a schema without its default. Objects are `object`: their fields have lines of their own. */
export function typeWords(schema: z.ZodType): string {
  return words(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape)
}

function words(shape: Shape): string {
  const either = shape.anyOf ?? shape.oneOf
  if (either !== undefined) return alternatives([...new Set(either.map(words))])
  if (shape.const !== undefined) return literal(shape.const)
  if (shape.enum !== undefined) {
    return shape.enum.length > LONGEST_ENUMERATION ? 'code' : alternatives(shape.enum.map(literal))
  }
  switch (shape.type ?? '') {
    case 'integer':
      return `whole number${range(shape)}`
    case 'number':
      return `number${range(shape)}`
    case 'string':
      return text(shape)
    case 'boolean':
      return '`true` or `false`'
    case 'null':
      return '`null`'
    case 'array':
      return list(shape)
    case 'object':
      return 'object'
    default:
      return 'bytes'
  }
}

function list(shape: Shape): string {
  if (shape.prefixItems !== undefined) {
    return `list of ${shape.prefixItems.length} of: ${words(shape.prefixItems[0] ?? {})}`
  }
  const { minItems: least, maxItems: most } = shape
  const size =
    least !== undefined && most !== undefined
      ? `, ${span(least, most)}`
      : most === undefined
        ? ''
        : `, at most ${number(most)}`
  return `list of ${words(shape.items || {})}${size === '' ? '' : `${size} entries`}`
}

function text({ pattern, format, minLength, maxLength }: Shape): string {
  if (pattern !== undefined && pattern in FORMS) return FORMS[pattern] as string
  if (format === 'uri') return 'URL'
  if (maxLength === undefined) return 'text'
  return minLength === undefined
    ? `text, at most ${number(maxLength)} characters`
    : `text, ${span(minLength, maxLength)} characters`
}

function range({ type, minimum: lowest, maximum, exclusiveMinimum, exclusiveMaximum }: Shape): string {
  // The whole numbers above 0 are those from 1 on.
  const minimum = type === 'integer' && exclusiveMinimum !== undefined ? exclusiveMinimum + 1 : lowest
  const least = minimum === undefined || minimum <= -UNBOUNDED ? null : number(minimum)
  const above = exclusiveMinimum === undefined ? null : `more than ${number(exclusiveMinimum)}`
  const most = maximum === undefined || maximum >= UNBOUNDED ? null : number(maximum)
  const below = exclusiveMaximum === undefined ? null : `below ${number(exclusiveMaximum)}`
  if (least !== null && most !== null) return `, ${least} to ${most}`
  const parts = [least === null ? above : `${least} or more`, most === null ? below : `at most ${most}`]
  const said = parts.filter((part) => part !== null)
  return said.length === 0 ? '' : `, ${said.join(', ')}`
}

function span(least: number, most: number): string {
  return least === most ? number(least) : `${number(least)} to ${number(most)}`
}

function alternatives(all: readonly string[]): string {
  return all.length < 2 ? (all[0] ?? '') : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`
}

function literal(value: unknown): string {
  return value === '' ? 'empty' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 6 })
}
