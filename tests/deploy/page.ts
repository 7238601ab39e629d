/** @file A dashboard's page as a browser loads it: the document, and every script and style sheet that it names. */

/** Gives what a server answers for each, `200 text/html` and the like, by extension. @param url The page's, with its last slash. */
export async function loadPage(url: string): Promise<Readonly<Record<string, string>>> {
  const document = await fetch(url)
  const text = await document.text()
  const found: Record<string, string> = { html: said(document, text) }
  for (const [, path = '', extension = ''] of text.matchAll(/(?:src|href)="([^"]+\.(js|css))"/g)) {
    const part = await fetch(new URL(path, document.url))
    found[extension] = said(part, await part.text())
  }
  return found
}

/** Of a page that is whole. */
export const WHOLE_PAGE = { html: '200 text/html', js: '200 text/javascript', css: '200 text/css' }

function said({ status, headers }: Response, text: string): string {
  return `${status} ${headers.get('content-type')?.split(';')[0]}${text === '' ? ', empty' : ''}`
}
