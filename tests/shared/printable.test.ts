import { printable, printableLines } from '@tessera/shared/printable'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/** Anything at all, and often what steers. */
const anyText = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom('\u001b', '\u009b', '\u202e', '\n'),
  ),
})

describe('printable()', () => {
  test.each([
    ['an escape sequence', '\u001b[2Jnormal', String.raw`\u001b[2Jnormal`],
    ['its one-byte form', 'a\u009b31mb', String.raw`a\u009b31mb`],
    ['a title', '\u001b]0;x\u0007', String.raw`\u001b]0;x\u0007`],
    ['line breaks', 'a\r\nb\u2028c\u0085d', String.raw`a\u000d\u000ab\u2028c\u0085d`],
    ['an override of the direction', 'a\u202ebc\u2066', String.raw`a\u202ebc\u2066`],
    ['what cannot be seen', 'a\u200bb\ufeff', String.raw`a\u200bb\ufeff`],
    ['a tag character beyond the first plane', 'a\u{e0041}', String.raw`a\udb40\udc41`],
    ['a lone surrogate', 'a\ud800', String.raw`a\ud800`],
  ])('writes %s as its escape', (_, text, want) => expect(printable(text)).toBe(want))

  test('leaves letters, marks and symbols of any script as they are', () => {
    const text = 'Übergang é 正常 нормальный سليم 🔬 a\\b'
    expect(printable(text)).toBe(text)
  })

  test('gives text without control, format or separator characters, and gives it again as it is', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = printable(text)
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
        expect(printable(shown)).toBe(shown)
      }),
    )
  })

  test('keeps the value of a JSON text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const value = { reason: text }
        expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value)
      }),
    )
  })

  test('cuts what is too long, escapes counted', () => {
    expect(printable('abcdef', 4)).toBe('abc…')
    expect(printable('\u001babc', 9)).toBe(String.raw`\u001babc`)
    expect(printable('\u001babc', 8)).toBe(`${String.raw`\u001ba`}…`)
  })
})

test('printableLines() keeps its lines and nothing else that steers', () => {
  expect(printableLines('a\nb\r\u001b[A\nc')).toBe(`a\nb${String.raw`\u000d\u001b`}[A\nc`)
})
