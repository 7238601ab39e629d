/** @file Runs `npm run bench`, and ends with a sentence and an exit code. */
import { asTesseraError, ERROR_CODES } from '@tessera/shared/errors'
import { benchProgram } from './program.ts'

try {
  await benchProgram().parseAsync()
} catch (thrown) {
  const failure = asTesseraError(thrown)
  process.stderr.write(`bench: ${failure.message}\n  ${failure.code}, see docs/errors.md\n`)
  if (failure.code === 'ERR_INTERNAL') process.stderr.write(`${String((failure.cause as Error)?.stack)}\n`)
  process.exitCode = ERROR_CODES[failure.code].exit
}
