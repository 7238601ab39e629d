/** @file The audit log as a table for a spreadsheet: RFC 4180, and no cell that a spreadsheet would take for a formula. */
import type { AuditEntry } from '../uplink/audit.ts'

const COLUMNS = ['seq', 'time', 'kind', 'bytes', 'study', 'round', 'why', 'sha256', 'previous'] as const

/** Characters that are handed on at once: a write for each line would cost more than the line. */
const PIECE_CHARACTERS = 64 * 1024

/** A line for the names, then one a frame; in pieces of many lines. */
export async function* framesCsv(entries: AsyncIterable<AuditEntry>): AsyncGenerator<string> {
  let text = csvLine(COLUMNS)
  for await (const entry of entries) {
    text += csvLine(COLUMNS.map((column) => entry[column] ?? ''))
    if (text.length < PIECE_CHARACTERS) continue
    yield text
    text = ''
  }
  yield text
}

/** One line with its end. */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(cellText).join(',')}\r\n`
}

/** Every text in quotes. One that begins as a formula, or with what a spreadsheet skips before one, gets an apostrophe, which makes it a text there. */
function cellText(cell: string | number): string {
  if (typeof cell === 'number') return String(cell)
  const harmless = /^[\s]*[=+\-@]|^[\t\r\n]/.test(cell) ? `'${cell}` : cell
  return `"${harmless.replaceAll('"', '""')}"`
}
