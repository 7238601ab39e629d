import { ERROR_CODES, type ErrorCode, TesseraError } from '@tessera/shared/errors'
import { describe, expect, test } from 'vitest'
import { adviceFor, describeFailure, exitCode } from '../../cli/failure.ts'

describe('describeFailure()', () => {
  test('says what is wrong, what to do, and the code, in three lines', () => {
    const failure = new TesseraError('ERR_KIT_USED', 'kit must be new, got one that was used')
    const lines = describeFailure(failure).trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toBe('tessera: kit must be new, got one that was used')
    expect(lines[2]).toBe('  ERR_KIT_USED, see docs/errors.md')
    expect(exitCode(failure)).toBe(77)
  })
  test('a message cannot steer the terminal, nor begin a line of its own', () => {
    const classes = '\u001b[2Jnormal, \u202etumor\ntessera: all is well'
    const failure = new TesseraError('ERR_DATA_CLASSES', `data must have one folder for each of ${classes}`)
    const lines = describeFailure(failure).trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[0]).toBe(
      String.raw`tessera: data must have one folder for each of \u001b[2Jnormal, \u202etumor\u000atessera: all is well`,
    )
    const internal = describeFailure(new TesseraError('ERR_INTERNAL', `internal: ${classes}`))
    expect(internal.replaceAll('\n', '')).not.toMatch(/\p{C}/u)
  })
  test('shows a stack for an internal error, and for no other', () => {
    expect(describeFailure(new TesseraError('ERR_INTERNAL', 'internal: x'))).toMatch(/at .*failure\.test/)
    expect(describeFailure(new TesseraError('ERR_USAGE', 'x'))).not.toMatch(/\bat /)
  })
})

describe('adviceFor()', () => {
  test.each(Object.keys(ERROR_CODES) as ErrorCode[])('has a sentence for %s', (code) => {
    expect(adviceFor(code)).toMatch(/^[A-Z`].{5,}\.$/)
  })
})
