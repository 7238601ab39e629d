/**
 * @file Text that somebody else wrote, as it may stand on a person's terminal: it can neither move the cursor, nor turn its neighbours around, nor
 * begin a line of its own.
 */

/** Control and format characters (ESC, C1, bidi marks, zero width), what has no character, and the two separators that some terminals break a line at. */
const STEERING = /[\p{C}\p{Zl}\p{Zp}]/gu

/**
 * The text with each character that steers written as `\uXXXX`, cut to `max` characters. The escape is JSON's: a JSON text stays the same value, and
 * what is printable already stays as it is.
 */
export function printable(text: string, max: number = Number.POSITIVE_INFINITY): string {
  const shown = text.replaceAll(STEERING, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
  return shown.length > max ? `${shown.slice(0, max - 1)}…` : shown
}

/** The same for a text whose lines are the program's own: each stays a line. */
export function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line))
    .join('\n')
}
