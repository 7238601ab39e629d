/** @file How a failure reads to the person at the terminal: what is wrong, its code, and where to look. */
import { ERROR_CODES, type TesseraError } from '@tessera/shared/errors'

/** Exit code of a failure, from the row of its code. */
export function exitCode(failure: TesseraError): number {
  return ERROR_CODES[failure.code].exit
}

/**
 * Two lines for standard error. An internal error, and only that, also gets its stack: it is a defect to report, not something the reader did.
 */
export function describeFailure(failure: TesseraError): string {
  const { retry } = ERROR_CODES[failure.code]
  const advice = retry ? 'Trying again may help; ' : ''
  const lines = [`tessera: ${failure.message}`, `  ${failure.code}. ${advice}docs/errors.md says what to do.`]
  if (failure.code === 'ERR_INTERNAL') {
    const cause = failure.cause instanceof Error ? failure.cause : failure
    lines.push(cause.stack ?? String(cause))
  }
  return `${lines.join('\n')}\n`
}
