/** @file Markdown that reads the same on GitHub and on the site. */

/** A table; cells may hold Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Comments of the source as Markdown: pages that they name become links. */
export function prose(comment: string): string {
  return comment.replaceAll(/\bdocs\/([\w-]+)\.md\b/g, '[$1.md](../$1.md)')
}

/** The bar would end the cell, and the site would take `<word>` for an element. */
function cell(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replaceAll('<', '&lt;')))
    .join('')
    .replaceAll('|', '\\|')
}
