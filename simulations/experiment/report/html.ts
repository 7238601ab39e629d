/** @file Text into HTML: what comes from data or from a person's file is never markup. Pure. */

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** A table whose first column names the row. Cells are HTML already. */
export function table(
  caption: string,
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const head = header.map((name) => `<th scope="col">${name}</th>`).join('')
  const body = rows
    .map(
      ([first = '', ...cells]) =>
        `<tr><th scope="row">${first}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
    )
    .join('\n')
  return `<div class="wide"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table></div>`
}

/** `83.1`, or a dash for what is not defined. */
export function percent(x: number): string {
  return Number.isFinite(x) ? (100 * x).toFixed(1) : '–'
}
