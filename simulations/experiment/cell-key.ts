/** @file What a cell's result hangs on, as a hash: the name of its file. The same key, the same bits; anything else is another cell. */
import { sha256Hex } from '@tessera/shared/security'

/** Changes whenever the same study on the same tiles would give other bits, or its result another form. */
const FORMAT = 1

/** @param inputs Values that JSON can hold; the order of their fields says nothing. */
export function cellKey(inputs: object): string {
  return sha256Hex(canonical({ format: FORMAT, ...inputs }))
}

/** JSON with sorted fields. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join()}}`
}
