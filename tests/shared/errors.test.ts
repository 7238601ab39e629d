import {
  asTesseraError,
  ERROR_CODES,
  isErrorCode,
  TensorShapeError,
  TesseraError,
} from '@tessera/shared/errors'
import { describe, expect, test } from 'vitest'

describe('ERROR_CODES', () => {
  test.each(Object.entries(ERROR_CODES))(
    '%s has a name in capitals and an exit code that is not 0',
    (code, row) => {
      expect(code).toMatch(/^ERR_[A-Z0-9_]+$/)
      expect(row.exit).toBeGreaterThan(0)
      expect(row.exit).toBeLessThan(256)
    },
  )
})

describe('isErrorCode()', () => {
  test('knows every code', () => {
    expect(Object.keys(ERROR_CODES).every(isErrorCode)).toBe(true)
  })
  test.each(['toString', '__proto__', 'ERR_NO_SUCH', '', 7, null, undefined, {}])('%s is none', (value) => {
    expect(isErrorCode(value)).toBe(false)
  })
})

describe('TensorShapeError', () => {
  test('says role, rule and value', () => {
    const error = new TensorShapeError('key', [2, 'C'], [2, 3])
    expect(error.message).toBe('key must have shape [2, C], got [2, 3]')
    expect(error.code).toBe('ERR_TENSOR_SHAPE')
    expect(error).toBeInstanceOf(TesseraError)
  })
})

describe('asTesseraError()', () => {
  test('gives a TesseraError as it is', () => {
    const error = new TesseraError('ERR_ROUND_EMPTY', 'round must have an update, got 0')
    expect(asTesseraError(error)).toBe(error)
  })
  test.each([
    [new TypeError('x is not a function'), 'internal: x is not a function'],
    ['text', 'internal: text'],
    [undefined, 'internal: undefined'],
  ])('wraps %s as internal and keeps it as cause', (thrown, message) => {
    const error = asTesseraError(thrown)
    expect(error.code).toBe('ERR_INTERNAL')
    expect(error.message).toBe(message)
    expect(error.cause).toBe(thrown)
  })
})
