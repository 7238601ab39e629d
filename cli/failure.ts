/** @file How a failure reads to the person at the terminal: what is wrong, what to do, and its code. */
import { readFileSync } from 'node:fs'
import { ERROR_CODES, type ErrorCode, type TesseraError } from '@tessera/shared/errors'
import { printable, printableLines } from '@tessera/shared/printable'

const PAGE = new URL('../docs/errors.md', import.meta.url)

/** Exit code of a failure, from the row of its code. */
export function exitCode(failure: TesseraError): number {
  return ERROR_CODES[failure.code].exit
}

/**
 * Lines for standard error: the sentence, what to do, the code. An internal error, and only that, also gets its stack: it is a defect to report,
 * not something the reader did.
 */
export function describeFailure(failure: TesseraError): string {
  const lines = [
    `tessera: ${printable(failure.message)}`,
    `  ${adviceFor(failure.code)}`,
    `  ${failure.code}, see docs/errors.md`,
  ]
  if (failure.code === 'ERR_INTERNAL') {
    const cause = failure.cause instanceof Error ? failure.cause : failure
    lines.push(printableLines(cause.stack ?? String(cause)))
  }
  return `${lines.join('\n')}\n`
}

/** The last cell, "what to do", of a code's row in docs/errors.md: written once, for the page and the terminal. */
export function adviceFor(code: ErrorCode): string {
  const row = readFileSync(PAGE, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`| \`${code}\` |`))
  return row?.split('|').at(-2)?.trim() ?? ''
}
