/** @file The columns of a manifest: which it needs, what else they may be called. */
import { TesseraError } from '@tessera/shared/errors'

/** Role of a column, and names it is known by beside its own. */
const ROLES = {
  path: ['file', 'filename', 'image'],
  label: ['class', 'diagnosis'],
  patient: ['patient_id', 'case', 'case_id'],
  slide: ['slide_id'],
  group: [],
  scanner: [],
  split: ['part', 'set'],
} as const
export type Role = keyof typeof ROLES
const ROLE_NAMES = Object.keys(ROLES) as Role[]
const NEEDED = ['path', 'label'] as const

/** Names of columns as the owner gives them, by role. */
export type ColumnNames = Readonly<Partial<Record<Role, string>>>

/**
 * Reads `ROLE=NAME,ROLE=NAME`.
 *
 * @throws {TesseraError} ERR_USAGE
 */
export function parseColumns(text: string): ColumnNames {
  const names: Partial<Record<Role, string>> = {}
  for (const pair of text.split(',')) {
    const [role = '', name = '', ...more] = pair.split('=').map((side) => side.trim())
    const known = ROLE_NAMES.find((one) => one === role)
    if (known === undefined || name === '' || more.length > 0 || names[known] !== undefined) {
      throw new TesseraError(
        'ERR_USAGE',
        `--columns must be ROLE=NAME with the roles ${ROLE_NAMES.join(', ')}, got ${pair}`,
      )
    }
    names[known] = name
  }
  return names
}

/**
 * Position of each role in the header. Case does not matter, nor what is around a name; other columns are left alone.
 *
 * @throws {TesseraError} ERR_DATA_MANIFEST when one that is needed or named is missing, or two could be meant.
 */
export function findColumns(header: readonly string[], given: ColumnNames = {}): Map<Role, number> {
  const names = header.map((name) => name.trim().toLowerCase())
  const columns = new Map<Role, number>()
  for (const role of ROLE_NAMES) {
    const wanted = given[role]
    const known: readonly string[] = wanted === undefined ? [role, ...ROLES[role]] : [wanted.toLowerCase()]
    const found = [...names.keys()].filter((i) => known.includes(names[i] ?? ''))
    const [first, second] = found
    if (second !== undefined) {
      throw new TesseraError(
        'ERR_DATA_MANIFEST',
        `manifest must have one column for ${role}, got ${found.map((i) => header[i]).join(' and ')}: --columns says which`,
      )
    }
    if (first !== undefined) columns.set(role, first)
    else if (wanted !== undefined || NEEDED.some((name) => name === role)) {
      throw new TesseraError(
        'ERR_DATA_MANIFEST',
        `manifest must have a column ${known.join(' or ')}, got ${names.join(', ').slice(0, 200)}`,
      )
    }
  }
  return columns
}
