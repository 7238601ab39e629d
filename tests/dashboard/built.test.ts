import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { builtPage } from '@tessera/dashboard/built'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Of the page's script, compressed as a server would at the least: what a slow hospital line loads in a second or two. */
const MAX_SCRIPT_BYTES = 150_000

describe('builtPage()', () => {
  test('builds a page that is not there or of other sources, and no other', async () => {
    const dist = await temporaryFolder()
    const folder = await builtPage('coordinator', { dist })
    const built = async (): Promise<number> => (await stat(join(folder, 'index.html'))).mtimeMs
    const first = await built()
    await builtPage('coordinator', { dist })
    expect(await built()).toBe(first)
    await writeFile(join(folder, 'sources.txt'), 'other')
    await writeFile(join(folder, 'index.html'), 'old')
    await builtPage('coordinator', { dist })
    expect(await readFile(join(folder, 'index.html'), 'utf8')).toContain('<div id="page">')
    expect(await readdir(dist)).toEqual(['coordinator'])
  })
  test('two that build at once both get the page', async () => {
    const dist = await temporaryFolder()
    const folders = await Promise.all([1, 2].map(async () => await builtPage('coordinator', { dist })))
    for (const folder of folders) expect(await readdir(folder)).toContain('index.html')
    expect(await readdir(dist)).toEqual(['coordinator'])
  })
})

test('the script is small, and nothing in the page is inline or from elsewhere', async () => {
  const folder = await builtPage('coordinator')
  let bytes = 0
  for (const name of (await readdir(join(folder, 'assets'))).filter((asset) => asset.endsWith('.js'))) {
    bytes += gzipSync(await readFile(join(folder, 'assets', name))).byteLength
  }
  expect(bytes).toBeGreaterThan(0)
  expect(bytes).toBeLessThan(MAX_SCRIPT_BYTES)
  const html = await readFile(join(folder, 'index.html'), 'utf8')
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style|style=|https?:/)
})
