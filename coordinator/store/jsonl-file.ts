/**
 * @file Reads `events.jsonl`, the store of earlier versions: one JSON object a line, which ends in the `check` that a row has as its checksum.
 *
 * A last line without its newline (or with the zero bytes that some file systems leave) was never acknowledged: it is cut off. Any other fault
 * is ERR_STORE_CORRUPT.
 */
import { readFile } from 'node:fs/promises'
import { TesseraError } from '@tessera/shared/errors'
import { isMissing } from '@tessera/shared/files'
import { checksumOf, type Row } from './chain.ts'

/** All rows of the file, as they go into a store; `null` if there is no such file. @throws {TesseraError} ERR_STORE_CORRUPT, naming the line. */
export async function readJsonlFile(file: string): Promise<{ rows: Row[]; cutBytes: number } | null> {
  const content = await readFile(file).catch((cause: unknown) => {
    if (isMissing(cause)) return null
    throw cause
  })
  if (content === null) return null
  const rows: Row[] = []
  let start = 0
  while (start < content.length) {
    const newline = content.indexOf(0x0a, start)
    if (newline === -1) break
    const line = content.subarray(start, newline)
    if (newline === content.length - 1 && line.includes(0)) break
    rows.push(parseLine(line.toString('utf8'), rows.length + 1, rows.at(-1)?.checksum ?? ''))
    start = newline + 1
  }
  return { rows, cutBytes: content.length - start }
}

function parseLine(line: string, number: number, previous: string): Row {
  const { check, ...event } = parseObject(line, number)
  const json = JSON.stringify(event)
  if (check === checksumOf(previous, json)) return { number, json, checksum: check }
  throw new TesseraError(
    'ERR_STORE_CORRUPT',
    `line ${number} of events.jsonl must be as it was written, got another check value`,
  )
}

function parseObject(line: string, number: number): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch (cause) {
    throw new TesseraError(
      'ERR_STORE_CORRUPT',
      `line ${number} of events.jsonl must hold an event, got another text`,
      { cause },
    )
  }
}
