/** @file What a table beside the site folders says of each tile: its group (patient, slide, source picture), scanner, source. */
import { readFile } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'
import { parseLines } from '@tessera/site-agent/data'

/** A tile's row, by column. */
export type TileColumns = Readonly<Record<string, string>>

/**
 * Reads a CSV file with a column `path` (RFC 4180). No file: no rows.
 * @param needed Column that must be there.
 * @returns Row by path; empty where the table has none.
 * @throws {TesseraError} ERR_DATA_FOLDER when it is no table, or a column is missing.
 */
export async function readLabels(file: string, needed: string): Promise<Map<string, TileColumns>> {
  const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return null
    throw new TesseraError('ERR_DATA_FOLDER', 'labels.csv must be readable, got an error', { cause: thrown })
  })
  return text === null ? new Map() : parseLabels(text, needed)
}

/** @throws {TesseraError} ERR_DATA_FOLDER when it is no table, or a column is missing. */
export function parseLabels(text: string, needed: string): Map<string, TileColumns> {
  const refused = (code: string, line = 1): TesseraError =>
    new TesseraError('ERR_DATA_FOLDER', `labels.csv must be a table, got ${code} in line ${line}`)
  const lines = parseLines(text, { delimiter: ',', isRagged: true, refused })
  const [header = [], ...rows] = lines.map(({ values }) => values)
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
