/** @file Text as HTML. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Class names and labels come from outside: nothing in them may become markup. */
export function escaped(text: string | number): string {
  return String(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

/** A table; the first row is the head, columns of numbers are flushed right. */
export function htmlTable(rows: readonly (readonly (string | number)[])[]): string {
  const [head = [], ...body] = rows
  const isNumber = head.map((_, c) => body.length > 0 && body.every((row) => typeof row[c] === 'number'))
  const cell = (tag: string) => (value: string | number, c: number) =>
    `<${tag}${isNumber[c] ? ' class="number"' : ''}>${escaped(value)}</${tag}>`
  const row = (cells: readonly (string | number)[], tag: string): string =>
    `<tr>${cells.map(cell(tag)).join('')}</tr>`
  return `<div class="wide"><table><thead>${row(head, 'th')}</thead><tbody>${body.map((one) => row(one, 'td')).join('')}</tbody></table></div>`
}
