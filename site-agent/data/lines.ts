/** @file A table of text as lines of fields: RFC 4180, quotes around a field and doubled inside. */
import { CsvError, parse } from 'csv-parse/sync'

/** Of a line: eight columns of the longest path that Linux has, 4096 characters, would be a mistake. */
export const MAX_LINE_CHARACTERS = 16_384

export interface Line {
  readonly values: readonly string[]
  /** Number of the line it ends on, from 1. */
  readonly line: number
}

export interface LinesOptions {
  readonly delimiter: string
  /** Takes lines with fewer or more fields than the header has. */
  readonly isRagged?: boolean
  /** Takes spaces around fields away, outside quotes too. */
  readonly isTrimmed?: boolean
  /** The failure of a text that is no table. Of it are told a code and a line's number, never a field: it may hold a patient's name. */
  readonly refused: (code: string, line: number | undefined) => Error
}

/** What csv-parse gives with `info`; its own types leave it open. */
interface Parsed {
  readonly record: string[]
  readonly info: { readonly lines: number }
}

/** Gives the lines that are not empty, the header among them. @throws What `refused` gives. */
export function parseLines(
  text: string,
  { delimiter, isRagged = false, isTrimmed = false, refused }: LinesOptions,
): Line[] {
  try {
    const parsed = parse(text, {
      delimiter,
      info: true,
      relax_column_count: isRagged,
      skip_empty_lines: true,
      trim: isTrimmed,
      max_record_size: MAX_LINE_CHARACTERS,
    }) as unknown as Parsed[]
    return parsed.map(({ record, info }) => ({ values: record, line: info.lines }))
  } catch (thrown) {
    if (!(thrown instanceof CsvError)) throw thrown
    const { lines } = thrown as { readonly lines?: unknown }
    throw refused(thrown.code, typeof lines === 'number' ? lines : undefined)
  }
}
