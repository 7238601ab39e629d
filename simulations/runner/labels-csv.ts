/** @file What a table beside the site folders says of each tile: its group (patient, slide, source picture), scanner, source. */
import { readFile } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'

/** A tile's row, by column. */
export type TileColumns = Readonly<Record<string, string>>

/**
 * Reads a CSV file with a column `path` (RFC 4180; quotes allowed, no line break inside a field). No file: no rows.
 * @param needed Column that must be there.
 * @returns Row by path; empty where the table has none.
 * @throws {TesseraError} ERR_DATA_FOLDER when a column is missing.
 */
export async function readLabels(file: string, needed: string): Promise<Map<string, TileColumns>> {
  const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return null
    throw new TesseraError('ERR_DATA_FOLDER', 'labels.csv must be readable, got an error', { cause: thrown })
  })
  return text === null ? new Map() : parseLabels(text, needed)
}

/** @throws {TesseraError} ERR_DATA_FOLDER when a column is missing. */
export function parseLabels(text: string, needed: string): Map<string, TileColumns> {
  const [header = [], ...rows] = text
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map(fields)
  const path = header.indexOf('path')
  if (path < 0 || !header.includes(needed)) {
    throw new TesseraError(
      'ERR_DATA_FOLDER',
      `labels.csv must have columns path and ${needed}, got ${header.join(', ')}`,
    )
  }
  return new Map(
    rows.map((row) => [row[path] ?? '', Object.fromEntries(header.map((name, i) => [name, row[i] ?? '']))]),
  )
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
