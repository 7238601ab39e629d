/** @file Groups of tiles (patient, slide, source picture) from a table beside the site folders. */
import { readFile } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'

/**
 * Reads the columns `path` and `group` of a CSV file (RFC 4180; quotes allowed, no line break inside a field). No file: no groups.
 * @returns Group by path; empty where the table has none.
 * @throws {TesseraError} ERR_DATA_FOLDER when a column is missing.
 */
export async function readGroups(file: string): Promise<Map<string, string>> {
  const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return null
    throw new TesseraError('ERR_DATA_FOLDER', 'labels.csv must be readable, got an error', { cause: thrown })
  })
  return text === null ? new Map() : parseGroups(text)
}

/** @throws {TesseraError} ERR_DATA_FOLDER when a column is missing. */
export function parseGroups(text: string): Map<string, string> {
  const [header = [], ...rows] = text
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map(fields)
  const [path, group] = [header.indexOf('path'), header.indexOf('group')]
  if (path < 0 || group < 0) {
    throw new TesseraError(
      'ERR_DATA_FOLDER',
      `labels.csv must have columns path and group, got ${header.join(', ')}`,
    )
  }
  return new Map(rows.map((row) => [row[path] ?? '', row[group] ?? '']))
}

function fields(line: string): string[] {
  const out: string[] = []
  // A field in quotes (doubled inside), or a plain one; then a comma or the end.
  for (const match of line.matchAll(/(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/g)) {
    out.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'))
    if (match[3] === '') break
  }
  return out
}
