/** @file Gives the reader a file. */

export function saveText(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: 'application/json' }))
  save(name, url)
  // The browser has begun to read it by the end of the click.
  setTimeout(() => URL.revokeObjectURL(url), 0)
}

export function save(name: string, address: string): void {
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
}
